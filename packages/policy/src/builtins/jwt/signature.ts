import {
  constants,
  createHmac,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import type { Evaluation } from '../builtin.ts'

/** A key that a signature is made or verified with: of a secret its bytes. */
export type SigningKey = KeyObject | Buffer

export type Family = 'HS' | 'RS' | 'PS' | 'ES' | 'Ed'

interface Algorithm {
  readonly family: Family
  readonly hash: string
}

const FAMILIES: readonly Family[] = ['HS', 'RS', 'PS', 'ES']
const SIZES: readonly string[] = ['256', '384', '512']

/** As `alg` names them. */
export const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ...FAMILIES.flatMap((family) => SIZES.map((size) => named(family, size))),
  ['EdDSA', { family: 'Ed', hash: '' }],
])

function named(family: Family, size: string): [name: string, algorithm: Algorithm] {
  return [`${family}${size}`, { family, hash: `sha${size}` }]
}

/** Go does not use smaller ones. */
const RSA_BITS_MIN = 1024
/** What a key of RSA with 2048 bits, or another one, costs, in units. */
const VERIFY_UNITS = 30_000
const SIGN_UNITS = 300_000
const RSA_BITS = 2048
const CURVE_BYTES: ReadonlyMap<string, number> = new Map([
  ['prime256v1', 32],
  ['secp384r1', 48],
  ['secp521r1', 66],
])

export interface Signed {
  readonly algorithm: Algorithm
  readonly key: SigningKey
  readonly content: string
  readonly signature: Buffer
}

/**
 * Whether it is a signature by this key. `isStrict` is what `io.jwt.decode_verify` asks for: the
 * salt of PS and both halves of ES must have their size, and a private key is as good as its public
 * one.
 */
export function isSigned(evaluation: Evaluation, signed: Signed, isStrict: boolean): boolean {
  const { algorithm, key, content, signature } = signed
  evaluation.spend(content.length)
  if (algorithm.family === 'HS') {
    return Buffer.isBuffer(key) && isEqual(hmac(algorithm.hash, key, content), signature)
  }
  if (Buffer.isBuffer(key) || (key.type === 'private' && !isStrict)) return false
  if (!isFor(key, algorithm.family)) return false
  evaluation.spend(VERIFY_UNITS * (rsaBits(key) / RSA_BITS) ** 2)
  const data = Buffer.from(content, 'utf8')
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  try {
    return verifyWith(publicKey, algorithm, data, signature, isStrict)
  } catch {
    // A signature that OpenSSL does not even look at.
    return false
  }
}

function verifyWith(
  key: KeyObject,
  { family, hash }: Algorithm,
  data: Buffer,
  signature: Buffer,
  isStrict: boolean,
): boolean {
  switch (family) {
    case 'PS': {
      const saltLength = isStrict
        ? constants.RSA_PSS_SALTLEN_DIGEST
        : constants.RSA_PSS_SALTLEN_AUTO
      return verify(
        hash,
        data,
        { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength },
        signature,
      )
    }
    case 'ES': {
      const size = CURVE_BYTES.get(key.asymmetricKeyDetails?.namedCurve ?? '') ?? 0
      const halves = isStrict ? signature : sized(signature, size)
      if (halves?.length !== size * 2) return false
      return verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, halves)
    }
    case 'Ed':
      return verify(null, data, key, signature)
    default:
      return verify(hash, data, key, signature)
  }
}

/** The two numbers of a signature, each in so many bytes; nothing where it needs more. */
function sized(signature: Buffer, size: number): Buffer | undefined {
  const middle = Math.floor(signature.length / 2)
  const halves = [signature.subarray(0, middle), signature.subarray(middle)].map((half) => {
    const first = half.findIndex((byte) => byte !== 0)
    return first < 0 ? Buffer.alloc(0) : half.subarray(first)
  })
  if (halves.some((half) => half.length > size)) return undefined
  return Buffer.concat(halves.flatMap((half) => [Buffer.alloc(size - half.length), half]))
}

/** The signature of a content; nothing where the key is for something else. */
export function signatureOf(
  evaluation: Evaluation,
  algorithm: Algorithm,
  key: SigningKey,
  content: string,
): Buffer | undefined {
  const { family, hash } = algorithm
  evaluation.spend(content.length)
  if (family === 'HS') return Buffer.isBuffer(key) ? hmac(hash, key, content) : undefined
  if (Buffer.isBuffer(key) || key.type !== 'private' || !isFor(key, family)) return undefined
  evaluation.spend(SIGN_UNITS * (rsaBits(key) / RSA_BITS) ** 3)
  const data = Buffer.from(content, 'utf8')
  try {
    switch (family) {
      case 'PS': {
        const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
        return sign(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
      }
      case 'ES':
        return sign(hash, data, { key, dsaEncoding: 'ieee-p1363' })
      case 'Ed':
        return sign(null, data, key)
      default:
        return sign(hash, data, key)
    }
  } catch {
    // Such as a key of RSA that is too small for the hash.
    return undefined
  }
}

function isFor(key: KeyObject, family: Family): boolean {
  switch (family) {
    case 'ES':
      return key.asymmetricKeyType === 'ec'
    case 'Ed':
      return key.asymmetricKeyType === 'ed25519'
    default:
      return key.asymmetricKeyType === 'rsa' && rsaBits(key) >= RSA_BITS_MIN
  }
}

function rsaBits(key: KeyObject): number {
  return key.asymmetricKeyDetails?.modulusLength ?? RSA_BITS
}

export function hmac(hash: string, key: Buffer, content: string): Buffer {
  return createHmac(hash, key).update(content, 'utf8').digest()
}

export function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
