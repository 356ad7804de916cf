import { messageOf } from '@verdict/contract'
import {
  type Bundle,
  decodeBundle,
  equalBytes,
  HASH_BYTES,
  leafHash,
  TILE_WIDTH,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { LogFolder } from './log-folder.ts'

/**
 * The entries of a bundle, each held against its hash in the tile beside it: bytes that a disk has
 * changed are found wherever they are read.
 * @throws {AuditError} `log_damaged`
 */
export function readStoredBundle(folder: LogFolder, bundle: Bundle): Uint8Array[] {
  const hashes = folder.read({ level: 0, ...bundle })
  const entries = decode(folder.read(bundle), bundle)
  for (const [i, entry] of entries.entries()) {
    if (equalBytes(leafHash(entry), hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))) continue
    throw damaged(bundle, `leaf ${bundle.index * TILE_WIDTH + i} is not the one that was logged`)
  }
  return entries
}

function decode(bytes: Uint8Array, bundle: Bundle): Uint8Array[] {
  try {
    return decodeBundle(bytes, bundle.width)
  } catch (cause) {
    throw damaged(bundle, messageOf(cause), cause)
  }
}

function damaged({ index, width }: Bundle, what: string, cause?: unknown): AuditError {
  const first = index * TILE_WIDTH
  return new AuditError(
    AuditErrorCode.logDamaged,
    `the log is damaged in leaves ${first} to ${first + width - 1}: ${what}; restore its entry ` +
      'bundle from a copy',
    { cause },
  )
}
