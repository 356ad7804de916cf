import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { TlogError, TlogErrorCode } from './errors.ts'

/** The algorithm byte of a key: c2sp.org/signed-note and c2sp.org/tlog-cosignature. */
export const KeyAlgorithm = {
  /** Ed25519 over the text of a note. */
  ed25519: 0x01,
  /** Ed25519 over a time and the text of a checkpoint. */
  ed25519Cosignature: 0x04,
  /** ML-DSA-44 over the signer's name, a time and what a checkpoint says. */
  mlDsa44Cosignature: 0x06,
} as const
export type KeyAlgorithm = (typeof KeyAlgorithm)[keyof typeof KeyAlgorithm]

export const SEED_BYTES = 32

interface Material {
  readonly publicBytes: number
  readonly signatureBytes: number
  /** What stands before a raw public key in SPKI, and before a seed in PKCS #8. */
  readonly spki: Buffer
  readonly pkcs8: Buffer
}

const ED25519: Material = {
  publicBytes: 32,
  signatureBytes: 64,
  spki: Buffer.from('302a300506032b6570032100', 'hex'),
  pkcs8: Buffer.from('302e020100300506032b657004220420', 'hex'),
}
const ML_DSA_44: Material = {
  publicBytes: 1312,
  signatureBytes: 2420,
  spki: Buffer.from('30820532300b06096086480165030403110382052100', 'hex'),
  pkcs8: Buffer.from('3034020100300b060960864801650304031104228020', 'hex'),
}
const MATERIALS: Readonly<Record<KeyAlgorithm, Material>> = {
  [KeyAlgorithm.ed25519]: ED25519,
  [KeyAlgorithm.ed25519Cosignature]: ED25519,
  [KeyAlgorithm.mlDsa44Cosignature]: ML_DSA_44,
}

export function isKeyAlgorithm(byte: number | undefined): byte is KeyAlgorithm {
  return byte !== undefined && byte in MATERIALS
}

export function signatureBytesOf(algorithm: KeyAlgorithm): number {
  return MATERIALS[algorithm].signatureBytes
}

/** @throws {TlogError} `note_key_malformed` */
export function publicKeyOf(algorithm: KeyAlgorithm, raw: Uint8Array): KeyObject {
  const { publicBytes, spki } = MATERIALS[algorithm]
  if (raw.length !== publicBytes) throw wrongLength(raw.length, publicBytes)
  try {
    return createPublicKey({ key: Buffer.concat([spki, raw]), format: 'der', type: 'spki' })
  } catch (error) {
    throw new TlogError(TlogErrorCode.noteKeyMalformed, 'the key is no public key', {
      cause: error,
    })
  }
}

/** @throws {TlogError} `note_key_malformed` */
export function privateKeyOf(algorithm: KeyAlgorithm, seed: Uint8Array): KeyObject {
  if (seed.length !== SEED_BYTES) throw wrongLength(seed.length, SEED_BYTES)
  const der = Buffer.concat([MATERIALS[algorithm].pkcs8, seed])
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

export function rawPublicKeyOf(algorithm: KeyAlgorithm, privateKey: KeyObject): Uint8Array {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return der.subarray(MATERIALS[algorithm].spki.length)
}

function wrongLength(length: number, expected: number): TlogError {
  return new TlogError(
    TlogErrorCode.noteKeyMalformed,
    `the key has ${length} bytes, not the ${expected} of its algorithm`,
  )
}
