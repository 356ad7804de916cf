import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'

/**
 * Personal fields are encrypted under a key of their subject. It travels beside the records, sealed
 * to the audit service: X25519 with an ephemeral key, HKDF-SHA-256, AES-256-GCM.
 *
 *     ephemeral public key (32) ‖ ciphertext of the key (32) ‖ tag (16), as base64url
 */
export interface SealedSubjectKey {
  /** When the key was made, in ms: an erasure destroys those that were made before it. */
  readonly at: number
  /** Follows from the key, so that nobody can put another one in its place. */
  readonly id: string
  readonly pseudonym: string
  readonly sealed: string
  /** `sealingKeyId` of the key that it is sealed to. */
  readonly sealing: string
}

/** A pair for sealing, as texts of base64url. */
export interface SealingKeyPair {
  readonly publicKey: string
  readonly privateKey: string
}

export const SUBJECT_KEY_BYTES = 32
const RAW_KEY_BYTES = 32
const TAG_BYTES = 16
const NONCE_BYTES = 12
const KEY_ID_BYTES = 12
const SEALING_ID_BYTES = 8
const SEALED_BYTES = RAW_KEY_BYTES + SUBJECT_KEY_BYTES + TAG_BYTES
const INFO = 'verdict subject key v1'
const CIPHER = 'aes-256-gcm'

/** What the key of a subject is called. */
export function subjectKeyId(key: Uint8Array): string {
  const text = Buffer.concat([Buffer.from('verdict subject key\n'), key])
  return hash('sha256', text, 'buffer').toString('base64url', 0, KEY_ID_BYTES)
}

/** The short name of a key to seal to. */
export function sealingKeyId(publicKey: string): string {
  const digest = hash('sha256', Buffer.from(publicKey, 'base64url'), 'buffer')
  return digest.toString('base64url', 0, SEALING_ID_BYTES)
}

export function newSealingKeys(): SealingKeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  const { d = '' } = privateKey.export({ format: 'jwk' })
  return { publicKey: x, privateKey: d }
}

/** Whether a text is the public half of a key to seal to, in its one form. */
export function isSealingKey(text: unknown): text is string {
  if (typeof text !== 'string') return false
  const raw = Buffer.from(text, 'base64url')
  return raw.length === RAW_KEY_BYTES && raw.toString('base64url') === text
}

/** Seals the key of a subject, so that only who has the private key can open it. */
export function sealSubjectKey(
  key: Uint8Array,
  { at, pseudonym, to }: { at: number; pseudonym: string; to: string },
): SealedSubjectKey {
  const named = { at, id: subjectKeyId(key), pseudonym, sealing: sealingKeyId(to) }
  const ephemeral = generateKeyPairSync('x25519')
  const { x = '' } = ephemeral.publicKey.export({ format: 'jwk' })
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicOf(to) })
  const { secret, nonce } = derived(shared, x, to)
  const cipher = createCipheriv(CIPHER, secret, nonce).setAAD(aadOf(named))
  const parts = [Buffer.from(x, 'base64url'), cipher.update(key), cipher.final()]
  const sealed = Buffer.concat([...parts, cipher.getAuthTag()]).toString('base64url')
  return { ...named, sealed }
}

/** The key of a subject; undefined where it is not one that was sealed to this pair. */
export function openSubjectKey(
  sealedKey: SealedSubjectKey,
  { publicKey, privateKey }: SealingKeyPair,
): Uint8Array | undefined {
  const bytes = Buffer.from(sealedKey.sealed, 'base64url')
  if (bytes.length !== SEALED_BYTES || sealedKey.sealing !== sealingKeyId(publicKey)) return
  const ephemeral = bytes.toString('base64url', 0, RAW_KEY_BYTES)
  try {
    const own = privateOf({ publicKey, privateKey })
    const shared = diffieHellman({ privateKey: own, publicKey: publicOf(ephemeral) })
    const { secret, nonce } = derived(shared, ephemeral, publicKey)
    const cipher = createDecipheriv(CIPHER, secret, nonce).setAAD(aadOf(sealedKey))
    cipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    const text = bytes.subarray(RAW_KEY_BYTES, -TAG_BYTES)
    const key = Buffer.concat([cipher.update(text), cipher.final()])
    return subjectKeyId(key) === sealedKey.id ? key : undefined
  } catch {
    // It was changed on its way, or sealed to another key.
    return undefined
  }
}

/** The control line of a journal message that carries sealed keys: canonical JSON (RFC 8785). */
export function encodeSubjectKeys(keys: readonly SealedSubjectKey[]): string {
  const subjectKeys = keys.map(({ at, id, pseudonym, sealed, sealing }) => {
    return { at, id, pseudonym, sealed, sealing }
  })
  return JSON.stringify({ subjectKeys, v: 1 })
}

/** Whether what a control line carries has the form of a sealed key. */
export function isSealedSubjectKey(given: unknown): given is SealedSubjectKey {
  const key = given as Partial<SealedSubjectKey> | null
  return (
    Number.isSafeInteger(key?.at) &&
    isShort(key?.id) &&
    isShort(key?.pseudonym) &&
    isShort(key?.sealed) &&
    isShort(key?.sealing)
  )
}

function isShort(text: unknown): boolean {
  return typeof text === 'string' && text !== '' && text.length <= 2 * SEALED_BYTES
}

function aadOf({ at, id, pseudonym }: Omit<SealedSubjectKey, 'sealed' | 'sealing'>): Buffer {
  return Buffer.from(`${INFO}\n${id}\n${pseudonym}\n${at}\n`)
}

/** Both are used for one text alone: the ephemeral key is. */
function derived(shared: Buffer, ephemeral: string, to: string) {
  const salt = Buffer.concat([Buffer.from(ephemeral, 'base64url'), Buffer.from(to, 'base64url')])
  const bytes = Buffer.from(hkdfSync('sha256', shared, salt, INFO, SUBJECT_KEY_BYTES + NONCE_BYTES))
  return {
    secret: bytes.subarray(0, SUBJECT_KEY_BYTES),
    nonce: bytes.subarray(SUBJECT_KEY_BYTES),
  }
}

function publicOf(x: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' })
}

function privateOf({ publicKey: x, privateKey: d }: SealingKeyPair): KeyObject {
  return createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', x, d }, format: 'jwk' })
}
