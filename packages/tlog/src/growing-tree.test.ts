import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entryOf, hex, leavesOf, rootOf } from '../test/reference-tree.ts'
import vectors from '../test/vectors/merkle.json' with { type: 'json' }
import { decodeBundle } from './entry-bundle.ts'
import { GrowingTree, type Growth, PENDING_BYTES_MAX, type TreeFiles } from './growing-tree.ts'
import { leafHash as leafHashOf } from './hash.ts'
import { bundlePath, newBundles, newTiles, tilePath } from './tile.ts'
import { TiledTree } from './tiled-tree.ts'
import { verifyInclusion } from './verify-proof.ts'

const SEED = 256

const textOf = (entry: Uint8Array): string => Buffer.from(entry).toString()

/** The files of a log, as a writer would have them. */
class Files {
  readonly #files = new Map<string, Uint8Array>()

  write({ tiles, bundles }: Growth): string[] {
    const written = [
      ...tiles.map(({ tile, bytes }) => [tilePath(tile), bytes] as const),
      ...bundles.map(({ bundle, bytes }) => [bundlePath(bundle), bytes] as const),
    ]
    for (const [path, bytes] of written) this.#files.set(path, bytes)
    return written.map(([path]) => path)
  }

  read(path: string): Uint8Array {
    const bytes = this.#files.get(path)
    if (bytes === undefined) throw new Error(`no file ${path}`)
    return bytes
  }
}

test('the published tree has its published root at every size', () => {
  const tree = new GrowingTree()
  for (const [size, root] of vectors.roots.entries()) {
    expect(hex(tree.root())).toBe(root)
    if (size < vectors.leaves.length) tree.append(Buffer.from(vectors.leaves[size] ?? '', 'hex'))
  }
})

test('what is full can be taken before the rest, and together they are what a tree grew by', () => {
  const fileNames = ({ tiles, bundles }: TreeFiles): string[] => [
    ...tiles.map(({ tile }) => tilePath(tile)),
    ...bundles.map(({ bundle }) => bundlePath(bundle)),
  ]
  const [together, apart] = [new GrowingTree(), new GrowingTree()]
  for (let index = 0; index < 600; index++) {
    together.append(entryOf(index))
    apart.append(entryOf(index))
  }
  const full = apart.takeFull()
  expect(fileNames(full)).toEqual([
    'tile/0/000',
    'tile/0/001',
    'tile/entries/000',
    'tile/entries/001',
  ])
  expect(fileNames(apart.takeFull())).toEqual([])
  const [left, all] = [apart.take(), together.take()]
  expect(left.older).toBe(0)
  expect(hex(left.head.root)).toBe(hex(all.head.root))
  expect([...fileNames(full), ...fileNames(left)].sort()).toEqual(fileNames(all).sort())
})

test('what a tree grew by is its new tiles and bundles, and reads back from any size', async () => {
  const leaves = leavesOf(2_000)
  const steps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (counts, resuming) => {
      const files = new Files()
      let tree = new GrowingTree()
      let index = 0
      for (const count of counts) {
        const older = index
        for (let i = 0; i < count; i++) expect(tree.append(entryOf(index))).toBe(index++)
        const growth = tree.take()
        expect(growth.older).toBe(older)
        expect(growth.head.size).toBe(index)
        expect(hex(growth.head.root)).toBe(hex(rootOf(leaves.slice(0, index))))
        const expected = [
          ...[...newTiles(older, index)].map(tilePath),
          ...[...newBundles(older, index)].map(bundlePath),
        ]
        expect(files.write(growth).toSorted()).toEqual(expected.toSorted())
        const read = await TiledTree.open(growth.head, (tile) => files.read(tilePath(tile)))
        if (index > 0) expect(hex(await read.leafHashAt(index - 1))).toBe(hex(leaves[index - 1]))
        for (const bundle of newBundles(older, index)) {
          const entries = decodeBundle(files.read(bundlePath(bundle)), bundle.width)
          expect(entries.map(textOf)).toEqual(
            entries.map((_, i) => `entry ${bundle.index * 256 + i}`),
          )
        }
        if (!resuming) continue
        tree = await GrowingTree.resume(
          growth.head,
          (tile) => files.read(tilePath(tile)),
          (bundle) => files.read(bundlePath(bundle)),
        )
      }
    }),
    { seed: SEED, numRuns: 25 },
  )
})

test('a tree of 70,000 entries has the tiles that the specification counts', async () => {
  const files = new Files()
  const tree = new GrowingTree()
  for (let i = 0; i < 70_000; i++) tree.append(entryOf(i))
  const growth = tree.take()
  const count = (level: number, full: boolean): number =>
    growth.tiles.filter(({ tile }) => tile.level === level && (tile.width === 256) === full).length
  expect([count(0, true), count(0, false)]).toEqual([273, 1])
  expect([count(1, true), count(1, false)]).toEqual([1, 1])
  expect([count(2, true), count(2, false)]).toEqual([0, 1])
  files.write(growth)
  const read = await TiledTree.open(growth.head, (tile) => files.read(tilePath(tile)))
  const leafHash = leafHashOf(entryOf(69_999))
  const proof = await read.inclusionProof(69_999)
  verifyInclusion({ index: 69_999, leafHash }, growth.head, proof)
  expect(hex(growth.head.root)).toBe(hex(rootOf(leavesOf(70_000))))
})

test('a tree does not go on where its files are not those of its head', async () => {
  const files = new Files()
  const tree = new GrowingTree()
  for (let i = 0; i < 300; i++) tree.append(entryOf(i))
  const { head, ...growth } = tree.take()
  files.write({ head, ...growth })
  const readTile = (tile: Parameters<typeof tilePath>[0]): Uint8Array => files.read(tilePath(tile))
  const forged = GrowingTree.resume(head, readTile, () => Buffer.from('\0\u0001x'.repeat(44)))
  await expect(forged).rejects.toMatchObject({ code: 'tile_invalid' })
  const short = GrowingTree.resume(head, readTile, () => new Uint8Array(0))
  await expect(short).rejects.toMatchObject({ code: 'entries_malformed' })
})

test('entries are copied, and one that cannot be held changes nothing', () => {
  const tree = new GrowingTree()
  const entry = Buffer.from('entry 0')
  tree.append(entry)
  entry.fill(0)
  expect(() => tree.append(new Uint8Array(65_536))).toThrow(
    expect.objectContaining({ code: 'entry_too_large' }),
  )
  const { head, bundles } = tree.take()
  expect(hex(head.root)).toBe(hex(rootOf(leavesOf(1))))
  expect(decodeBundle(bundles[0]?.bytes ?? entry, 1).map(textOf)).toEqual(['entry 0'])
})

test('what is not taken is bounded: then nothing more is appended until it is', () => {
  const tree = new GrowingTree()
  const large = Buffer.alloc(65_535)
  const appendTooMuch = (): void => {
    for (let i = 0; i <= PENDING_BYTES_MAX / large.length + 1; i++) tree.append(large)
  }
  expect(appendTooMuch).toThrow(expect.objectContaining({ code: 'growth_not_taken' }))
  const { head } = tree.take()
  expect(tree.append(large)).toBe(head.size)
})
