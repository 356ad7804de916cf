import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { readJson } from '../../go/read-json.ts'
import { isArray, isObject, type RegoObject, type Value } from '../../value/value.ts'
import { BuiltinError } from '../builtin.ts'
import { stringOf } from '../operands.ts'
import type { SigningKey } from './signature.ts'

export interface Jwk {
  readonly alg: string
  readonly kid: string
  readonly key: SigningKey
}

/** More keys in one set, OPA does not read. */
const KEYS_MAX = 1000

/** The bytes of each number of a key, by its curve. */
const SIZES: ReadonlyMap<string, number> = new Map([
  ['P-256', 32],
  ['P-384', 48],
  ['P-521', 66],
  ['Ed25519', 32],
  ['X25519', 32],
])

/** What `alg` of a key may say. */
const KNOWN_ALGORITHMS: ReadonlySet<string> = new Set(
  (
    'ES256 ES384 ES512 EdDSA Ed25519 HS256 HS384 HS512 none PS256 PS384 PS512 RS256 RS384 RS512 ' +
    'ES256K A128KW A192KW A256KW A128GCMKW A192GCMKW A256GCMKW dir ECDH-ES ECDH-ES+A128KW ' +
    'ECDH-ES+A192KW ECDH-ES+A256KW PBES2-HS256+A128KW PBES2-HS384+A192KW PBES2-HS512+A256KW ' +
    'RSA1_5 RSA-OAEP RSA-OAEP-256 RSA-OAEP-384 RSA-OAEP-512 A128GCM A192GCM A256GCM ' +
    'A128CBC-HS256 A192CBC-HS384 A256CBC-HS512'
  ).split(' '),
)

/** The keys of a key, or of a set of them, in JSON. @throws {BuiltinError} */
export function parseJwks(json: string): Jwk[] {
  const value = readJson(json)
  if (value === undefined || !isObject(value)) throw noKey()
  if (!value.has('keys')) return [parseJwk(value)]
  const keys = value.get('keys')
  if (keys === undefined || !isArray(keys) || keys.length > KEYS_MAX) throw noKey()
  return keys.map(parseJwk)
}

function parseJwk(value: Value): Jwk {
  if (!isObject(value)) throw noKey()
  const alg = optional(value, 'alg')
  const kid = optional(value, 'kid')
  if (value.has('alg') && !KNOWN_ALGORITHMS.has(alg)) throw noKey()
  return { alg, kid, key: keyOf(value) }
}

function keyOf(value: RegoObject): SigningKey {
  const isPrivate = value.has('d')
  switch (stringOf(value.get('kty'))) {
    case 'oct': {
      const secret = bytes(value, 'k')
      if (secret.length === 0) throw noKey()
      return secret
    }
    case 'RSA':
      return objectOf('RSA', value, [
        'n',
        'e',
        ...(isPrivate ? ['d', 'p', 'q', 'dp', 'dq', 'qi'] : []),
      ])
    case 'EC':
      return objectOf('EC', value, ['x', 'y', ...(isPrivate ? ['d'] : [])])
    case 'OKP':
      return objectOf('OKP', value, ['x', ...(isPrivate ? ['d'] : [])])
    default:
      throw noKey()
  }
}

function objectOf(kty: string, value: RegoObject, names: readonly string[]): KeyObject {
  const numbers = names.map((name) => [name, bytes(value, name)] as const)
  const jwk: JsonWebKey = { kty }
  if (kty !== 'RSA') {
    jwk.crv = stringOf(value.get('crv'))
    const size = SIZES.get(jwk.crv)
    if (size === undefined || numbers.some(([, number]) => number.length !== size)) throw noKey()
    if (jwk.crv.startsWith('P') !== (kty === 'EC')) throw noKey()
  }
  const last = numbers.find(([name]) => name === 'e')?.[1].at(-1) ?? 1
  if (last % 2 === 0 || numbers.some(([, number]) => number.length === 0)) throw noKey()
  for (const [name, number] of numbers) jwk[name] = number.toString('base64url')
  try {
    return names.includes('d')
      ? createPrivateKey({ key: jwk, format: 'jwk' })
      : createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    throw noKey()
  }
}

/** In either alphabet, padded or not. */
function bytes(value: RegoObject, name: string): Buffer {
  const text = stringOf(value.get(name))
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw noKey()
  return Buffer.from(text, 'base64url')
}

function optional(value: RegoObject, name: string): string {
  return value.has(name) ? stringOf(value.get(name)) : ''
}

function noKey(): BuiltinError {
  return new BuiltinError('the text is no key')
}
