import { parseCheckpoint } from './checkpoint.ts'
import { TlogError, TlogErrorCode } from './errors.ts'

/** Says when it was made, in seconds since 1970, before what the key signed. */
export const TIME_BYTES = 8

const SUBTREE_LABEL = Buffer.from('subtree/v1\n\0', 'latin1')
/** One byte tells how long a name is. */
const NAME_BYTES_MAX = 255

/** @throws {TlogError} `cosignature_time_invalid` */
export function encodeTime(seconds: number): Uint8Array {
  if (!Number.isSafeInteger(seconds) || seconds < 0) {
    throw new TlogError(
      TlogErrorCode.cosignatureTimeInvalid,
      `\`${seconds}\` is no time in seconds since 1970`,
    )
  }
  const bytes = Buffer.alloc(TIME_BYTES)
  bytes.writeBigUInt64BE(BigInt(seconds))
  return bytes
}

/** The time of a cosignature; `undefined` where there is none that can be. */
export function decodeTime(signature: Uint8Array): number | undefined {
  if (signature.length < TIME_BYTES) return undefined
  const { buffer, byteOffset } = signature
  const seconds = Number(Buffer.from(buffer, byteOffset, TIME_BYTES).readBigUInt64BE())
  return Number.isSafeInteger(seconds) ? seconds : undefined
}

/**
 * What an Ed25519 cosigner signs: c2sp.org/tlog-cosignature. It is a checkpoint, or nothing
 * would be said by signing it.
 * @throws {TlogError} `checkpoint_malformed`
 */
export function ed25519Message(text: string, seconds: number): Uint8Array {
  parseCheckpoint(text)
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)
}

/**
 * What an ML-DSA-44 cosigner signs: the tree of the checkpoint, without its extension lines.
 * @throws {TlogError} `checkpoint_malformed`
 */
export function mlDsa44Message(text: string, seconds: number, cosigner: string): Uint8Array {
  const { origin, size, root } = parseCheckpoint(text)
  const numbers = Buffer.alloc(16)
  numbers.writeBigUInt64BE(0n)
  numbers.writeBigUInt64BE(BigInt(size), 8)
  return Buffer.concat([
    SUBTREE_LABEL,
    prefixed(cosigner, 'the name of the cosigner'),
    encodeTime(seconds),
    prefixed(origin, 'the origin'),
    numbers,
    root,
  ])
}

function prefixed(name: string, what: string): Uint8Array {
  const bytes = Buffer.from(name)
  if (bytes.length > NAME_BYTES_MAX) {
    throw new TlogError(
      TlogErrorCode.checkpointMalformed,
      `${what} has ${bytes.length} bytes, and ${NAME_BYTES_MAX} are the most to be cosigned`,
    )
  }
  return Buffer.concat([Uint8Array.of(bytes.length), bytes])
}
