import { EMPTY_ROOT, leafHash, nodeHash } from '../src/hash.ts'
import { TILE_WIDTH, type Tile } from '../src/tile.ts'
import type { ReadTile, TreeHead } from '../src/tiled-tree.ts'

/** Trees by the definitions of RFC 6962, word for word and slow, to hold ours against. */

export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  const [first, ...more] = leaves
  if (first === undefined) return EMPTY_ROOT
  if (more.length === 0) return first
  const split = splitOf(leaves.length)
  return nodeHash(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
}

export function pathOf(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length <= 1) return []
  const split = splitOf(leaves.length)
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return index < split
    ? [...pathOf(index, left), rootOf(right)]
    : [...pathOf(index - split, right), rootOf(left)]
}

export function subproofOf(
  older: number,
  leaves: readonly Uint8Array[],
  whole = true,
): Uint8Array[] {
  if (older === leaves.length) return whole ? [] : [rootOf(leaves)]
  const split = splitOf(leaves.length)
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return older <= split
    ? [...subproofOf(older, left, whole), rootOf(right)]
    : [...subproofOf(older - split, right, false), rootOf(left)]
}

export function entryOf(index: number): Uint8Array {
  return Buffer.from(`entry ${index}`)
}

export function leavesOf(size: number): Uint8Array[] {
  return Array.from({ length: size }, (_, index) => leafHash(entryOf(index)))
}

export function headOf(leaves: readonly Uint8Array[]): TreeHead {
  return { size: leaves.length, root: rootOf(leaves) }
}

/** The tiles of a tree, computed from its leaves whenever one is read. */
export function tilesOf(leaves: readonly Uint8Array[]): ReadTile {
  return ({ level, index, width }: Tile) => {
    const span = TILE_WIDTH ** level
    const hashes = Array.from({ length: width }, (_, place) => {
      const start = (index * TILE_WIDTH + place) * span
      return rootOf(leaves.slice(start, start + span))
    })
    return Buffer.concat(hashes)
  }
}

function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

/** To compare hashes by, whichever kind of array they come in. */
export function hex(hash: Uint8Array | undefined): string | undefined {
  return hash && Buffer.from(hash).toString('hex')
}
