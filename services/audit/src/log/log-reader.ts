import { type Bundle, EXTRA_BYTES_MAX, formatTlogProof, TILE_WIDTH, TiledTree } from '@verdict/tlog'
import type { BundleCache } from './bundle-cache.ts'
import type { LogFolder } from './log-folder.ts'
import type { SignedHead } from './recovery.ts'
import { readStoredBundle } from './stored-bundle.ts'
import { readTileFile } from './tile-file.ts'

/** Leaves that lie together, each with its index. */
export type LeafRun = readonly { readonly index: number; readonly leaf: Uint8Array }[]

/** Reads what a checkpoint of a log covers. */
export class LogReader {
  readonly #folder: LogFolder
  readonly #bundles: BundleCache
  #head: SignedHead
  #verified: Promise<TiledTree> | undefined

  constructor(folder: LogFolder, head: SignedHead, bundles: BundleCache) {
    this.#folder = folder
    this.#head = head
    this.#bundles = bundles
  }

  get head(): SignedHead {
    return this.#head
  }

  /** Goes on with a newer checkpoint. */
  advance(head: SignedHead): void {
    this.#head = head
    this.#verified = undefined
  }

  leaf(index: number): Uint8Array | undefined {
    const { origin, size } = this.#head
    if (index >= size) return undefined
    const place = Math.floor(index / TILE_WIDTH)
    const bundle = { index: place, width: Math.min(TILE_WIDTH, size - place * TILE_WIDTH) }
    const key = `${origin} ${place} ${bundle.width}`
    const entries = this.#bundles.get(key, () => readStoredBundle(this.#folder, bundle))
    return entries[index % TILE_WIDTH]
  }

  /** The file under a path of tlog-tiles, where the checkpoint covers it. */
  file(path: string): Uint8Array | undefined {
    return readTileFile(this.#folder, path, this.#head.size)
  }

  /** Leaves from an index on, bundle by bundle, each verified against the root. */
  async *leaves(from: number): AsyncGenerator<LeafRun> {
    const { size } = this.#head
    const tree = await this.verified()
    for (let at = from; at < size; ) {
      const index = Math.floor(at / TILE_WIDTH)
      const bundle: Bundle = { index, width: Math.min(TILE_WIDTH, size - index * TILE_WIDTH) }
      const entries = await tree.entriesOf(bundle, this.#folder.read(bundle))
      const first = index * TILE_WIDTH
      yield entries.map((leaf, i) => ({ index: first + i, leaf })).slice(at - first)
      at = first + entries.length
    }
  }

  /** The tree, whose tiles are verified before they are used. */
  async verified(): Promise<TiledTree> {
    this.#verified ??= TiledTree.open(this.#head, (tile) => this.#folder.read(tile))
    return await this.#verified
  }

  /**
   * A receipt of a leaf that the checkpoint covers (`tlog-proof@v1`), with the leaf beside the proof
   * where there is room for it; under an earlier checkpoint where one is given.
   */
  async receipt(
    index: number,
    { note, size }: Pick<SignedHead, 'note' | 'size'> = this.#head,
  ): Promise<string> {
    const tree = await this.verified()
    const hashes = await tree.inclusionProof(index, size)
    const leaf = this.leaf(index)
    const extra = leaf && leaf.length <= EXTRA_BYTES_MAX ? { extra: leaf } : {}
    return formatTlogProof({ index, hashes, checkpoint: note, ...extra })
  }
}
