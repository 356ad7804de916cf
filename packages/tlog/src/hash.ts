import { hash } from 'node:crypto'
import { TlogError, TlogErrorCode } from './errors.ts'

/** SHA-256, as RFC 6962 (section 2.1) hashes a tree. */
export const HASH_BYTES = 32
/** The length of an entry is told by two bytes in an entry bundle. */
export const ENTRY_BYTES_MAX = 65_535

const LEAF = 0x00
const NODE = 0x01
const PAIR_BYTES = 2 * HASH_BYTES

/** The root of the tree that holds nothing. */
export const EMPTY_ROOT: Uint8Array = hash('sha256', new Uint8Array(0), 'buffer')

// One hash at a time is computed, so that one place for what goes into it is enough.
const leaf = new Uint8Array(1 + ENTRY_BYTES_MAX)
leaf[0] = LEAF
const node = new Uint8Array(1 + PAIR_BYTES)
node[0] = NODE

/** @throws {TlogError} `entry_too_large` */
export function leafHash(entry: Uint8Array): Uint8Array {
  if (entry.length > ENTRY_BYTES_MAX) {
    throw new TlogError(
      TlogErrorCode.entryTooLarge,
      `an entry has ${entry.length} bytes, and ${ENTRY_BYTES_MAX} are the most`,
    )
  }
  leaf.set(entry, 1)
  return hash('sha256', leaf.subarray(0, 1 + entry.length), 'buffer')
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  node.set(left, 1)
  node.set(right, 1 + HASH_BYTES)
  return hash('sha256', node, 'buffer')
}

/** The root of the complete tree over `count` (a power of two) hashes that lie in a row. */
export function rootOfRow(row: Uint8Array, count: number): Uint8Array {
  if (count === 1) return Uint8Array.from(row.subarray(0, HASH_BYTES))
  const above = new Uint8Array((count / 2) * HASH_BYTES)
  hashPairs(row, above, count / 2)
  for (let pairs = count / 4; pairs >= 1; pairs /= 2) hashPairs(above, above, pairs)
  return above.slice(0, HASH_BYTES)
}

/** All complete nodes over hashes in a row: the row itself, those of its pairs, and so on. */
export function rowsOver(row: Uint8Array): Uint8Array[] {
  const rows = [row]
  for (let below = row; below.length >= PAIR_BYTES; ) {
    const pairs = Math.floor(below.length / PAIR_BYTES)
    const above = new Uint8Array(pairs * HASH_BYTES)
    hashPairs(below, above, pairs)
    rows.push(above)
    below = above
  }
  return rows
}

/** A row may be hashed into itself: what is written lies before what is still to be read. */
function hashPairs(from: Uint8Array, to: Uint8Array, pairs: number): void {
  for (let i = 0; i < pairs; i++) {
    node.set(from.subarray(i * PAIR_BYTES, (i + 1) * PAIR_BYTES), 1)
    to.set(hash('sha256', node, 'buffer'), i * HASH_BYTES)
  }
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}

/** @throws {TlogError} `hash_invalid` */
export function checkHash(bytes: Uint8Array, what: string): void {
  if (bytes.length === HASH_BYTES) return
  throw new TlogError(
    TlogErrorCode.hashInvalid,
    `${what} has ${bytes.length} bytes, and a hash has ${HASH_BYTES}`,
  )
}
