/**
 * The value of a `www-authenticate` header: `Bearer error="…", …`. A value that a quoted text can't
 * hold is a fault of ours: what comes from a policy is checked before.
 */
export function bearerChallenge(parameters: Readonly<Record<string, string | undefined>>): string {
  const written: string[] = []
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue
    if (!QUOTABLE.test(value)) throw new TypeError(`\`${name}\` can't stand in a challenge`)
    written.push(`${name}="${value}"`)
  }
  return `Bearer ${written.join(', ')}`
}

/** Printable ASCII that needs no escape: no quote, no backslash (RFC 6750, section 3). */
const QUOTABLE = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
