import { TlogError } from './errors.ts'
import type { ReadBundle } from './growing-tree.ts'
import { type Bundle, entriesBelow, TILE_WIDTH } from './tile.ts'
import type { TiledTree } from './tiled-tree.ts'

/** Bundles that are being read while one is verified: of the largest, 64 MiB in all. */
export const BUNDLES_AHEAD_MAX = 4

/** A run of entries that were verified. */
export interface VerifiedEntries {
  /** The index of the first. */
  readonly first: number
  readonly entries: readonly Uint8Array[]
}

/**
 * All entries of a tree from left to right, and with them every tile of it: each entry is held
 * against its hash, each full tile against the hash above it. What is wrong ends it, with the
 * range of entries that it is about.
 * @throws {TlogError} `tile_invalid`, `entries_malformed`; whatever a read throws
 */
export async function* verifiedEntries(
  tree: TiledTree,
  readBundle: ReadBundle,
  { from = 0, ahead = BUNDLES_AHEAD_MAX }: { from?: number; ahead?: number } = {},
): AsyncGenerator<VerifiedEntries> {
  const { size } = tree.head
  const reading: { bundle: Bundle; bytes: Promise<Uint8Array> }[] = []
  let next = Math.floor(from / TILE_WIDTH)
  for (;;) {
    while (reading.length < ahead && next * TILE_WIDTH < size) {
      const bundle = { index: next, width: Math.min(TILE_WIDTH, size - next * TILE_WIDTH) }
      const bytes = (async () => readBundle(bundle))()
      // It is awaited in its turn, or not at all where one before it is wrong.
      bytes.catch(() => undefined)
      reading.push({ bundle, bytes })
      next += 1
    }
    const first = reading.shift()
    if (first === undefined) return
    const { bundle, bytes } = first
    const entries = await verified(tree, bundle, await bytes)
    const start = bundle.index * TILE_WIDTH
    yield start < from
      ? { first: from, entries: entries.slice(from - start) }
      : { first: start, entries }
  }
}

async function verified(
  tree: TiledTree,
  bundle: Bundle,
  bytes: Uint8Array,
): Promise<readonly Uint8Array[]> {
  try {
    return await tree.entriesOf(bundle, bytes)
  } catch (error) {
    if (!(error instanceof TlogError) || error.entries !== undefined) throw error
    const entries = entriesBelow(bundle, tree.head.size)
    throw new TlogError(error.code, error.message, { cause: error, entries })
  }
}
