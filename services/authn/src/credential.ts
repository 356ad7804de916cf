/** What an `authorization` header presents. */
export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly token: string }
  /** A bearer token that is not exactly one token. */
  | { readonly kind: 'malformed' }
  /** A scheme that is not ours to judge, such as Basic. */
  | { readonly kind: 'other' }

/** A longer token is malformed; the largest in use, with hundreds of groups, stay below. */
export const TOKEN_CHARS_MAX = 16 * 1024

/** RFC 6750, section 2.1; the scheme's case does not matter (RFC 9110, section 11.1). */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i
/** Proxies join repeated headers with commas: a bearer token anywhere in them is meant as one. */
const BEARER_SOMEWHERE = /(?:^|,)\s*bearer(?:[\s,]|$)/i

export function parseCredential(authorization: string | undefined): Credential {
  const value = authorization?.trim() ?? ''
  if (value === '') return { kind: 'none' }
  // The bound comes first, so that no expression runs over more.
  const head = value.slice(0, TOKEN_CHARS_MAX + 'bearer '.length)
  if (head.length < value.length) {
    return BEARER_SOMEWHERE.test(head) ? { kind: 'malformed' } : { kind: 'other' }
  }
  const token = BEARER.exec(value)?.[1]
  if (token !== undefined) return { kind: 'bearer', token }
  return BEARER_SOMEWHERE.test(value) ? { kind: 'malformed' } : { kind: 'other' }
}
