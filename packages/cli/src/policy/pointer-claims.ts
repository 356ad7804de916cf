import type { BundlePointer } from '@verdict/policy'

/**
 * What a pointer says, for a person to read: who signed it is not verified here, the decision
 * points do that. Undefined where it says nothing.
 */
export function pointerClaims(jws: string): BundlePointer | undefined {
  try {
    const payload = Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')
    const claims: unknown = JSON.parse(payload)
    return isPointer(claims) ? claims : undefined
  } catch {
    // Not JSON, so it claims nothing.
    return undefined
  }
}

function isPointer(claims: unknown): claims is BundlePointer {
  const { name, revision, serial, digest, size, version } = (claims ?? {}) as Partial<BundlePointer>
  return (
    [name, revision, digest].every((text) => typeof text === 'string') &&
    [serial, size, version].every((number) => Number.isSafeInteger(number))
  )
}
