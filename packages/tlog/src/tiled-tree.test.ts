import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  entryOf,
  headOf,
  hex,
  leavesOf,
  pathOf,
  rootOf,
  subproofOf,
  tilesOf,
} from '../test/reference-tree.ts'
import { encodeBundle } from './entry-bundle.ts'
import { EMPTY_ROOT } from './hash.ts'
import { consistencyRanges, inclusionRanges } from './ranges.ts'
import { type Tile, tilePath } from './tile.ts'
import { TiledTree } from './tiled-tree.ts'
import { verifyConsistency, verifyInclusion } from './verify-proof.ts'

const SEED = 9162
const ALL_SIZES_MAX = 300

test('proofs between all sizes up to 300 verify, and are those of the definition', async () => {
  const leaves = leavesOf(ALL_SIZES_MAX)
  const tree = await TiledTree.open(headOf(leaves), tilesOf(leaves))
  const roots: Uint8Array[] = []
  for (let size = 0; size <= ALL_SIZES_MAX; size++) roots.push(await tree.rootAt(size))
  for (let newer = 1; newer <= ALL_SIZES_MAX; newer++) {
    const head = { size: newer, root: roots[newer] ?? EMPTY_ROOT }
    for (let older = 1; older <= newer; older++) {
      const before = { size: older, root: roots[older] ?? EMPTY_ROOT }
      verifyConsistency(before, head, await tree.consistencyProof(older, newer))
    }
  }
  for (const size of [1, 2, 3, 7, 64, 255, 256, 257, 300]) {
    expect(hex(roots[size])).toBe(hex(rootOf(leaves.slice(0, size))))
    for (let older = 1; older <= size; older += 13) {
      const expected = subproofOf(older, leaves.slice(0, size))
      expect((await tree.consistencyProof(older, size)).map(hex)).toEqual(expected.map(hex))
    }
  }
})

test('every entry of a tree of several levels of tiles is proven', async () => {
  const leaves = leavesOf(1_100)
  const head = headOf(leaves)
  const tree = await TiledTree.open(head, tilesOf(leaves))
  for (const [index, leafHash] of leaves.entries()) {
    expect(hex(await tree.leafHashAt(index))).toBe(hex(leafHash))
    const proof = await tree.inclusionProof(index)
    verifyInclusion({ index, leafHash }, head, proof)
    if (index % 97 === 0) expect(proof.map(hex)).toEqual(pathOf(index, leaves).map(hex))
  }
  const earlier = { size: 700, root: await tree.rootAt(700) }
  const proof = await tree.inclusionProof(3, 700)
  verifyInclusion({ index: 3, leafHash: await tree.leafHashAt(3) }, earlier, proof)
})

test('a flipped bit in any tile that is read is found', async () => {
  const leaves = leavesOf(1_000)
  const honest = tilesOf(leaves)
  const fault = fc.record({ index: fc.nat(999), at: fc.nat(), bit: fc.nat(7), tile: fc.nat(9) })
  await fc.assert(
    fc.asyncProperty(fault, async ({ index, at, bit, tile }) => {
      let reads = 0
      const lying = (wanted: Tile): Uint8Array => {
        const bytes = Uint8Array.from(honest(wanted) as Uint8Array)
        if (reads++ === tile)
          bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit)
        return bytes
      }
      const proving = TiledTree.open(headOf(leaves), lying).then((tree) =>
        tree.inclusionProof(index),
      )
      if ((await proving.catch(() => undefined)) === undefined) {
        await expect(proving).rejects.toMatchObject({ code: 'tile_invalid' })
      } else {
        expect(reads).toBeLessThanOrEqual(tile)
      }
    }),
    { seed: SEED, numRuns: 60 },
  )
})

test('a full tile may stand for a partial one that is gone; other lengths are refused', async () => {
  const leaves = leavesOf(300)
  const honest = tilesOf(leaves)
  const full = tilesOf(leavesOf(512))
  const head = headOf(leaves)
  await TiledTree.open(head, (tile) =>
    tile.level === 0 ? full({ ...tile, width: 256 }) : honest(tile),
  )
  const short = TiledTree.open(head, async (tile) => (await honest(tile)).subarray(1))
  await expect(short).rejects.toMatchObject({ code: 'tile_invalid' })
})

test('a reader may use its buffer again: what was verified does not change with it', async () => {
  const leaves = leavesOf(600)
  const honest = tilesOf(leaves)
  const buffer = new Uint8Array(8_192)
  const tree = await TiledTree.open(headOf(leaves), async (tile) => {
    buffer.set(await honest(tile))
    return buffer.subarray(0, tile.width * 32)
  })
  const proof = await tree.inclusionProof(3)
  buffer.fill(0)
  expect((await tree.inclusionProof(3)).map(hex)).toEqual(proof.map(hex))
  verifyInclusion({ index: 3, leafHash: await tree.leafHashAt(3) }, tree.head, proof)
})

test('tiles are read once while they are kept', async () => {
  const leaves = leavesOf(600)
  const honest = tilesOf(leaves)
  const reads: string[] = []
  const tree = await TiledTree.open(headOf(leaves), (tile) => {
    reads.push(tilePath(tile))
    return honest(tile)
  })
  for (const index of [3, 200, 3, 599]) await tree.inclusionProof(index)
  expect(reads).toEqual(['tile/0/002.p/88', 'tile/1/000.p/2', 'tile/0/000'])
})

test('a tree of another root or size than its tiles is refused', async () => {
  const leaves = leavesOf(300)
  const read = tilesOf(leaves)
  const wrongRoot = TiledTree.open({ size: 300, root: EMPTY_ROOT }, read)
  await expect(wrongRoot).rejects.toMatchObject({ code: 'tile_invalid' })
  const wrongSize = TiledTree.open({ size: 299, root: rootOf(leaves) }, read)
  await expect(wrongSize).rejects.toMatchObject({ code: 'tile_invalid' })
  const notEmpty = TiledTree.open({ size: 0, root: rootOf(leaves) }, read)
  await expect(notEmpty).rejects.toMatchObject({ code: 'tile_invalid' })
  const empty = await TiledTree.open({ size: 0, root: EMPTY_ROOT }, read)
  expect(await empty.rootAt(0)).toEqual(EMPTY_ROOT)
})

test('the entries of a bundle are told only when each is the one that was logged', async () => {
  const leaves = leavesOf(300)
  const tree = await TiledTree.open(headOf(leaves), tilesOf(leaves))
  const entries = Array.from({ length: 44 }, (_, i) => entryOf(256 + i))
  const bundle = { index: 1, width: 44 }
  expect(await tree.entriesOf(bundle, encodeBundle(entries))).toHaveLength(44)
  const swapped = encodeBundle(entries.with(7, entryOf(7)))
  await expect(tree.entriesOf(bundle, swapped)).rejects.toThrow('entry 263 is not the one')
  const beyond = tree.entriesOf({ index: 1, width: 45 }, encodeBundle(entries))
  await expect(beyond).rejects.toMatchObject({ code: 'size_invalid' })
})

test('nothing is proven of entries and sizes that the tree does not have', async () => {
  const leaves = leavesOf(10)
  const tree = await TiledTree.open(headOf(leaves), tilesOf(leaves))
  for (const asked of [
    tree.inclusionProof(10),
    tree.inclusionProof(5, 5),
    tree.inclusionProof(0, 11),
    tree.consistencyProof(0),
    tree.consistencyProof(7, 6),
    tree.rootAt(11),
  ]) {
    await expect(asked).rejects.toMatchObject({ code: 'size_invalid' })
  }
})

test('the path of an entry in a tree of 2^53 - 1 entries is reckoned exactly', () => {
  const size = Number.MAX_SAFE_INTEGER
  const path = inclusionRanges(2 ** 50 + 1, size)
  expect(path).toHaveLength(53)
  expect(path[0]).toEqual({ start: 2 ** 50, end: 2 ** 50 + 1 })
  expect(path.at(-1)).toEqual({ start: 2 ** 52, end: size })
  expect(consistencyRanges(size - 1, size).at(-1)).toEqual({ start: 0, end: 2 ** 52 })
})
