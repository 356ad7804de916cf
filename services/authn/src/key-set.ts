import type { CryptoKey, JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import { AuthnError, AuthnErrorCode } from './errors.ts'

/** Where the keys of an issuer come from. */
export interface KeySource {
  /** Whether there are keys to verify with now. */
  readonly loaded: boolean
  /**
   * The key for a token, by its `alg` and `kid`. It rejects with jose's errors where no key or
   * several match.
   * @throws {AuthnError} `keys_unavailable`
   */
  readonly find: JWTVerifyGetKey<CryptoKey>
}

/** What a key source tells of itself. */
export interface KeyListener {
  onRefreshed(keys: number): void
  onRefreshFailed(error: AuthnError): void
}

/** A longer set is refused. */
export const KEYS_BYTES_MAX = 256 * 1024
/** A set of more keys is refused. */
export const KEYS_MAX = 100

/**
 * Reads a JWK Set of public keys (RFC 7517, section 5). A private or symmetric key in it is a
 * secret that leaked, so the set is refused.
 * @throws {AuthnError} `malformed_keys`
 */
export function parseKeySet(text: string): JSONWebKeySet {
  const set = parseJson(text)
  if (!isRecord(set) || !Array.isArray(set['keys'])) throw malformed('it has no list `keys`')
  const keys: unknown[] = set['keys']
  if (keys.length > KEYS_MAX) throw malformed(`it has more than ${KEYS_MAX} keys`)
  for (const key of keys) {
    if (!isRecord(key) || typeof key['kty'] !== 'string') throw malformed('a key has no `kty`')
    if (key['kty'] === 'oct' || key['d'] !== undefined || key['priv'] !== undefined) {
      throw malformed('it has a private or symmetric key: publish public keys only')
    }
  }
  return set as unknown as JSONWebKeySet
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw malformed('it is not JSON', cause)
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(why: string, cause?: unknown): AuthnError {
  return new AuthnError(AuthnErrorCode.malformedKeys, `this is no usable JWK Set: ${why}`, {
    cause,
  })
}
