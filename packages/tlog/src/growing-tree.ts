import { BundleWriter } from './bundle-writer.ts'
import { TlogError, TlogErrorCode } from './errors.ts'
import { EMPTY_ROOT, HASH_BYTES, leafHash, nodeHash, rootOfRow } from './hash.ts'
import { completeParts } from './ranges.ts'
import { type Bundle, edgeTiles, TILE_BYTES, TILE_WIDTH, type Tile } from './tile.ts'
import { type ReadTile, TiledTree, type TreeHead } from './tiled-tree.ts'
import { checkSize } from './tree-size.ts'

export type ReadBundle = (bundle: Bundle) => Promise<Uint8Array> | Uint8Array

/** The files of a tree. */
export interface TreeFiles {
  readonly tiles: readonly { readonly tile: Tile; readonly bytes: Uint8Array }[]
  readonly bundles: readonly { readonly bundle: Bundle; readonly bytes: Uint8Array }[]
}

/** What a log has grown by, to be written before anything says so. */
export interface Growth extends TreeFiles {
  readonly older: number
  readonly head: TreeHead
}

/** Entries and hashes that wait to be taken; beyond that, nothing more is appended. */
export const PENDING_BYTES_MAX = 64 * 1024 * 1024

/**
 * The right end of a tree, at which it grows: the partial tile of each level and the partial
 * entry bundle. It holds nothing of what lies to the left, and so has the same small size for
 * any tree.
 */
export class GrowingTree {
  #size = 0
  #taken = 0
  #pendingBytes = 0
  /** The partial tile of each level; of how many hashes follows from the size. */
  readonly #levels: Uint8Array[] = []
  readonly #bundle = new BundleWriter()
  #tiles: { tile: Tile; bytes: Uint8Array }[] = []
  #bundles: { bundle: Bundle; bytes: Uint8Array }[] = []

  /**
   * Goes on where a log ended, after its right end was verified against its head.
   * @throws {TlogError} `tile_invalid`, `entries_malformed`
   */
  static async resume(
    head: TreeHead,
    readTile: ReadTile,
    readBundle: ReadBundle,
  ): Promise<GrowingTree> {
    const verified = await TiledTree.open(head, readTile)
    const tree = new GrowingTree()
    for (const { level } of edgeTiles(head.size)) {
      tree.#level(level).set(verified.edgeHashes(level) ?? new Uint8Array(0))
    }
    const width = head.size % TILE_WIDTH
    if (width > 0) {
      const bundle = { index: Math.floor(head.size / TILE_WIDTH), width }
      const entries = await verified.entriesOf(bundle, await readBundle(bundle))
      for (const entry of entries) tree.#bundle.append(entry)
    }
    tree.#size = head.size
    tree.#taken = head.size
    return tree
  }

  get size(): number {
    return this.#size
  }

  /**
   * Appends an entry, whose bytes are copied, and tells its index.
   * @throws {TlogError} `entry_too_large`, `growth_not_taken`
   */
  append(entry: Uint8Array): number {
    if (this.#pendingBytes > PENDING_BYTES_MAX) {
      throw new TlogError(
        TlogErrorCode.growthNotTaken,
        `${this.#size - this.#taken} entries wait to be written: take the growth first`,
      )
    }
    checkSize(this.#size + 1, 'the size')
    const hash = leafHash(entry)
    const index = this.#size
    this.#bundle.append(entry)
    this.#pendingBytes += entry.length + HASH_BYTES
    this.#add(0, index, hash)
    this.#size = index + 1
    if (this.#size % TILE_WIDTH === 0) {
      const bundle = { index: Math.floor(index / TILE_WIDTH), width: TILE_WIDTH }
      this.#bundles.push({ bundle, bytes: this.#bundle.take() })
    }
    return index
  }

  root(): Uint8Array {
    let root: Uint8Array | undefined
    for (const { level, width } of edgeTiles(this.#size)) {
      const hashes = this.#level(level)
      for (const { start, end } of completeParts({ start: 0, end: width }).reverse()) {
        const row = hashes.subarray(start * HASH_BYTES, end * HASH_BYTES)
        const left = rootOfRow(row, end - start)
        root = root === undefined ? left : nodeHash(left, root)
      }
    }
    return root ?? EMPTY_ROOT
  }

  /**
   * What is full by now, and will not change whatever is appended. Whoever writes it has to have it
   * written before anything says what `take` gives, in which it is not any more.
   */
  takeFull(): TreeFiles {
    const full = { tiles: this.#tiles, bundles: this.#bundles }
    this.#tiles = []
    this.#bundles = []
    this.#pendingBytes = 0
    return full
  }

  /**
   * What is new since the last time. If it cannot be written, the tree is ahead of the log: drop
   * it and resume from what was written.
   */
  take(): Growth {
    const tiles = [...this.#tiles]
    const bundles = [...this.#bundles]
    for (const tile of edgeTiles(this.#size)) {
      // A partial tile that has not changed since was taken then.
      if (Math.floor(this.#taken / TILE_WIDTH ** tile.level) === hashesOf(tile)) continue
      tiles.push({ tile, bytes: this.#level(tile.level).slice(0, tile.width * HASH_BYTES) })
    }
    const width = this.#size % TILE_WIDTH
    if (width > 0 && this.#size > this.#taken) {
      const index = Math.floor(this.#size / TILE_WIDTH)
      bundles.push({ bundle: { index, width }, bytes: this.#bundle.copy() })
    }
    const older = this.#taken
    this.#tiles = []
    this.#bundles = []
    this.#taken = this.#size
    this.#pendingBytes = 0
    return { older, head: { size: this.#size, root: this.root() }, tiles, bundles }
  }

  /** A tile that becomes full is done, and its root is a hash of the level above. */
  #add(level: number, index: number, hash: Uint8Array): void {
    const hashes = this.#level(level)
    const place = index % TILE_WIDTH
    hashes.set(hash, place * HASH_BYTES)
    if (place < TILE_WIDTH - 1) return
    const above = Math.floor(index / TILE_WIDTH)
    this.#levels[level] = new Uint8Array(TILE_BYTES)
    this.#tiles.push({ tile: { level, index: above, width: TILE_WIDTH }, bytes: hashes })
    this.#add(level + 1, above, rootOfRow(hashes, TILE_WIDTH))
  }

  #level(level: number): Uint8Array {
    const hashes = this.#levels[level] ?? new Uint8Array(TILE_BYTES)
    this.#levels[level] = hashes
    return hashes
  }
}

function hashesOf({ index, width }: Tile): number {
  return index * TILE_WIDTH + width
}
