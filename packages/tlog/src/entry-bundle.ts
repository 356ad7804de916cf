import { TlogError, TlogErrorCode } from './errors.ts'
import { ENTRY_BYTES_MAX } from './hash.ts'
import { TILE_WIDTH } from './tile.ts'

/** What says how long the entry behind it is. */
const LENGTH_BYTES = 2
export const BUNDLE_BYTES_MAX = TILE_WIDTH * (LENGTH_BYTES + ENTRY_BYTES_MAX)

/** @throws {TlogError} `entry_too_large`, and `entries_malformed` for more than 256 entries */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length > TILE_WIDTH) throw malformed(`it has ${entries.length} entries`)
  let length = 0
  for (const entry of entries) {
    if (entry.length > ENTRY_BYTES_MAX) {
      throw new TlogError(
        TlogErrorCode.entryTooLarge,
        `an entry has ${entry.length} bytes, and ${ENTRY_BYTES_MAX} are the most`,
      )
    }
    length += LENGTH_BYTES + entry.length
  }
  const bundle = new Uint8Array(length)
  let at = 0
  for (const entry of entries) {
    bundle[at] = entry.length >>> 8
    bundle[at + 1] = entry.length & 0xff
    bundle.set(entry, at + LENGTH_BYTES)
    at += LENGTH_BYTES + entry.length
  }
  return bundle
}

/**
 * The entries of a bundle, as views of its bytes. A bundle with more than `width` entries
 * stands for a partial one that is gone: its first entries are taken.
 * @throws {TlogError} `entries_malformed`
 */
export function decodeBundle(bundle: Uint8Array, width: number = TILE_WIDTH): Uint8Array[] {
  if (bundle.length > BUNDLE_BYTES_MAX) throw malformed(`it has ${bundle.length} bytes`)
  const entries: Uint8Array[] = []
  for (let at = 0; at < bundle.length; ) {
    const length = ((bundle[at] ?? 0) << 8) | (bundle[at + 1] ?? 0)
    const end = at + LENGTH_BYTES + length
    if (end > bundle.length) throw malformed(`it ends inside of entry ${entries.length}`)
    entries.push(bundle.subarray(at + LENGTH_BYTES, end))
    at = end
  }
  if (entries.length < width || entries.length > TILE_WIDTH) {
    throw malformed(`it has ${entries.length} entries, not ${width}`)
  }
  return entries.slice(0, width)
}

function malformed(what: string): TlogError {
  return new TlogError(TlogErrorCode.entriesMalformed, `the entry bundle is malformed: ${what}`)
}
