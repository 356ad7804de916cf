import { hash, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { decodeBase64, encodeBase64 } from './base64.ts'
import {
  decodeTime,
  ed25519Message,
  encodeTime,
  mlDsa44Message,
  TIME_BYTES,
} from './cosignature.ts'
import { TlogError, TlogErrorCode } from './errors.ts'
import {
  isKeyAlgorithm,
  KeyAlgorithm,
  privateKeyOf,
  publicKeyOf,
  rawPublicKeyOf,
  SEED_BYTES,
  signatureBytesOf,
} from './key-material.ts'
import { isKeyName } from './note.ts'

/** Verifies what one key signed. */
export interface NoteVerifier {
  readonly name: string
  readonly keyId: number
  readonly algorithm: KeyAlgorithm
  /** Without what says of which algorithm it is. */
  readonly publicKey: Uint8Array
  verify(text: string, signature: Uint8Array): boolean
}

/** Signs notes with one key. */
export interface NoteSigner {
  readonly verifier: NoteVerifier
  /**
   * @param seconds when, in seconds since 1970: for keys whose signatures say so, and required
   *   by them.
   * @throws {TlogError} `cosignature_time_invalid`, `checkpoint_malformed`
   */
  sign(text: string, seconds?: number): Uint8Array
}

const KEY_ID = /^[0-9a-f]{8}$/
const PRIVATE = 'PRIVATE+KEY+'

/**
 * A key in the form `<name>+<key id>+<base64 of algorithm and key>`.
 * @throws {TlogError} `note_key_malformed`
 */
export function parseVerifierKey(vkey: string): NoteVerifier {
  const { name, keyId, algorithm, material } = parseKey(vkey)
  const verifier = createVerifier(name, algorithm, material)
  if (verifier.keyId !== keyId) throw malformed('its id is not the one of its name and key')
  return verifier
}

export function formatVerifierKey(verifier: NoteVerifier): string {
  return formatKey(verifier, verifier.publicKey)
}

/**
 * A key in the form that Go's `note` package writes: `PRIVATE+KEY+<name>+<key id>+<base64>`.
 * @throws {TlogError} `note_key_malformed`
 */
export function parseSignerKey(skey: string): NoteSigner {
  if (!skey.startsWith(PRIVATE)) throw malformed(`it does not begin with \`${PRIVATE}\``)
  const { name, keyId, algorithm, material } = parseKey(skey.slice(PRIVATE.length))
  const signer = createSigner(name, algorithm, material)
  if (signer.verifier.keyId !== keyId) throw malformed('its id is not the one of its name and key')
  return signer
}

/** A new key, to be kept secret. */
export function generateSignerKey(name: string, algorithm: KeyAlgorithm): string {
  const seed = randomBytes(SEED_BYTES)
  return `${PRIVATE}${formatKey(createSigner(name, algorithm, seed).verifier, seed)}`
}

/**
 * The same key as that of a witness: keys of plain Ed25519 notes are handed around for
 * witnesses, too, and there mean the cosignatures that the key makes.
 */
export function asCosigner(verifier: NoteVerifier): NoteVerifier {
  if (verifier.algorithm !== KeyAlgorithm.ed25519) return verifier
  return createVerifier(verifier.name, KeyAlgorithm.ed25519Cosignature, verifier.publicKey)
}

export function createVerifier(
  name: string,
  algorithm: KeyAlgorithm,
  publicKey: Uint8Array,
): NoteVerifier {
  if (!isKeyName(name)) throw malformed(`\`${name}\` is no name of a key`)
  const key = publicKeyOf(algorithm, publicKey)
  return {
    name,
    keyId: keyIdOf(name, algorithm, publicKey),
    algorithm,
    publicKey,
    verify: (text, signature) => verifies(key, { name, algorithm, text, signature }),
  }
}

/** @param seed 32 bytes that only the signer knows. */
export function createSigner(name: string, algorithm: KeyAlgorithm, seed: Uint8Array): NoteSigner {
  const key = privateKeyOf(algorithm, seed)
  const verifier = createVerifier(name, algorithm, rawPublicKeyOf(algorithm, key))
  return {
    verifier,
    sign(text, seconds) {
      if (algorithm === KeyAlgorithm.ed25519) return sign(null, Buffer.from(text), key)
      // Not a number where no time was given, which is refused.
      const time = encodeTime(seconds ?? Number.NaN)
      const message = cosignedMessage(name, algorithm, text, seconds ?? 0)
      return Buffer.concat([time, sign(null, message, key)])
    },
  }
}

function verifies(
  key: KeyObject,
  signed: { name: string; algorithm: KeyAlgorithm; text: string; signature: Uint8Array },
): boolean {
  const { name, algorithm, text, signature } = signed
  const timeBytes = algorithm === KeyAlgorithm.ed25519 ? 0 : TIME_BYTES
  if (signature.length !== timeBytes + signatureBytesOf(algorithm)) return false
  if (timeBytes === 0) return verify(null, Buffer.from(text), key, signature)
  const seconds = decodeTime(signature)
  if (seconds === undefined) return false
  try {
    const message = cosignedMessage(name, algorithm, text, seconds)
    return verify(null, message, key, signature.subarray(TIME_BYTES))
  } catch (error) {
    // Nobody can have cosigned what is no checkpoint.
    if (error instanceof TlogError) return false
    throw error
  }
}

function cosignedMessage(
  name: string,
  algorithm: KeyAlgorithm,
  text: string,
  seconds: number,
): Uint8Array {
  return algorithm === KeyAlgorithm.mlDsa44Cosignature
    ? mlDsa44Message(text, seconds, name)
    : ed25519Message(text, seconds)
}

function keyIdOf(name: string, algorithm: KeyAlgorithm, publicKey: Uint8Array): number {
  const named = Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(algorithm), publicKey])
  return hash('sha256', named, 'buffer').readUInt32BE()
}

function parseKey(text: string): {
  name: string
  keyId: number
  algorithm: KeyAlgorithm
  material: Uint8Array
} {
  // The base64 of a key may hold plus signs, too.
  const [name = '', keyId = '', ...encoded] = text.split('+')
  const bytes = decodeBase64(encoded.join('+'))
  const algorithm = bytes?.[0]
  if (!KEY_ID.test(keyId)) throw malformed('its key id is not eight hexadecimal digits')
  if (bytes === undefined) throw malformed('its last part is not base64')
  if (!isKeyAlgorithm(algorithm)) throw malformed('its algorithm is not supported')
  return { name, keyId: Number.parseInt(keyId, 16), algorithm, material: bytes.subarray(1) }
}

function formatKey({ name, keyId, algorithm }: NoteVerifier, material: Uint8Array): string {
  const bytes = Buffer.concat([Uint8Array.of(algorithm), material])
  return `${name}+${keyId.toString(16).padStart(8, '0')}+${encodeBase64(bytes)}`
}

/** What is told of a key is never the key: it may be a private one. */
function malformed(what: string): TlogError {
  return new TlogError(TlogErrorCode.noteKeyMalformed, `the key is malformed: ${what}`)
}
