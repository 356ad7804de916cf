import { decodeBundle } from './entry-bundle.ts'
import { type EntryRange, TlogError, TlogErrorCode } from './errors.ts'
import {
  checkHash,
  EMPTY_ROOT,
  equalBytes,
  HASH_BYTES,
  leafHash,
  nodeHash,
  rowsOver,
} from './hash.ts'
import { completeParts, consistencyRanges, inclusionRanges, type Range } from './ranges.ts'
import {
  type Bundle,
  edgeTiles,
  entriesBelow,
  hashesOnLevel,
  TILE_BYTES,
  TILE_WIDTH,
  type Tile,
  tilePath,
} from './tile.ts'
import { checkIndex, checkSize } from './tree-size.ts'

/** What a checkpoint says of a tree. */
export interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/** Reads the hashes of a tile. The full tile may be given for a partial one that is gone. */
export type ReadTile = (tile: Tile) => Promise<Uint8Array> | Uint8Array

/** Verified tiles that are kept, 16 KiB each; those that were used longest ago go first. */
const TILES_KEPT_MAX = 512

/**
 * A tree whose tiles are read one by one, each verified before it is used: the partial ones at
 * the right end together against the root, every full one against the hash in the tile above it.
 */
export class TiledTree {
  readonly head: TreeHead
  readonly #read: ReadTile
  // Of each tile its hashes and all nodes over them, which its verification computes anyway.
  readonly #edge = new Map<number, readonly Uint8Array[]>()
  readonly #full = new Map<string, readonly Uint8Array[]>()

  private constructor(head: TreeHead, read: ReadTile) {
    this.head = head
    this.#read = read
  }

  /**
   * Reads and verifies the right end of the tree.
   * @throws {TlogError} `tile_invalid`; `size_invalid` or `hash_invalid` for a head that cannot be
   */
  static async open(head: TreeHead, read: ReadTile): Promise<TiledTree> {
    checkSize(head.size, 'the size')
    checkHash(head.root, 'the root')
    const tree = new TiledTree(head, read)
    for (const tile of edgeTiles(head.size)) {
      tree.#edge.set(tile.level, rowsOver(await tree.#fetch(tile)))
    }
    if (!equalBytes(await tree.#fold({ start: 0, end: head.size }), head.root)) {
      const what = `the tiles at the right end of ${head.size} entries have another root`
      throw invalid(what, { from: 0, to: head.size - 1 })
    }
    return tree
  }

  /** The root of the tree when it had fewer entries. */
  async rootAt(size: number): Promise<Uint8Array> {
    this.#checkPast(size)
    return await this.#fold({ start: 0, end: size })
  }

  async leafHashAt(index: number): Promise<Uint8Array> {
    checkIndex(index, this.head.size)
    return await this.#fold({ start: index, end: index + 1 })
  }

  async inclusionProof(index: number, size: number = this.head.size): Promise<Uint8Array[]> {
    this.#checkPast(size)
    return await this.#foldAll(inclusionRanges(index, size))
  }

  async consistencyProof(older: number, newer: number = this.head.size): Promise<Uint8Array[]> {
    this.#checkPast(newer)
    return await this.#foldAll(consistencyRanges(older, newer))
  }

  /**
   * The entries of a bundle, after each was compared with its hash in the tree.
   * @throws {TlogError} `tile_invalid`, `entries_malformed`
   */
  async entriesOf({ index, width }: Bundle, bundle: Uint8Array): Promise<Uint8Array[]> {
    checkIndex(index * TILE_WIDTH + width - 1, this.head.size)
    const entries = decodeBundle(bundle, width)
    const [hashes = EMPTY_ROOT] = await this.#tile(0, index)
    for (const [i, bytes] of entries.entries()) {
      if (equalBytes(leafHash(bytes), hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))) {
        continue
      }
      const entry = index * TILE_WIDTH + i
      const range = { from: entry, to: entry }
      throw invalid(`entry ${entry} is not the one that was logged`, range)
    }
    return entries
  }

  /** The verified hashes of the partial tile of a level, none where there is none. */
  edgeHashes(level: number): Uint8Array | undefined {
    return this.#edge.get(level)?.[0]
  }

  async #foldAll(ranges: readonly Range[]): Promise<Uint8Array[]> {
    const hashes: Uint8Array[] = []
    for (const range of ranges) hashes.push(await this.#fold(range))
    return hashes
  }

  async #fold(range: Range): Promise<Uint8Array> {
    let root: Uint8Array | undefined
    for (const part of completeParts(range).reverse()) {
      const left = await this.#complete(part)
      root = root === undefined ? left : nodeHash(left, root)
    }
    return root ?? EMPTY_ROOT
  }

  /** The root of a complete subtree: a hash of a tile, or a node over some in a row. */
  async #complete({ start, end }: Range): Promise<Uint8Array> {
    let level = 0
    let width = end - start
    while (width >= TILE_WIDTH) {
      width /= TILE_WIDTH
      level += 1
    }
    const first = start / TILE_WIDTH ** level
    const rows = await this.#tile(level, Math.floor(first / TILE_WIDTH))
    const offset = ((first % TILE_WIDTH) / width) * HASH_BYTES
    const node = rows[Math.log2(width)]?.slice(offset, offset + HASH_BYTES)
    if (node?.length === HASH_BYTES) return node
    throw invalid(`the tiles of level ${level} do not reach to entry ${end - 1}`)
  }

  async #tile(level: number, index: number): Promise<readonly Uint8Array[]> {
    const edge = this.#edge.get(level)
    const isEdge = (index + 1) * TILE_WIDTH > hashesOnLevel(this.head.size, level)
    if (isEdge && edge !== undefined) return edge
    const key = `${level}/${index}`
    const kept = this.#full.get(key)
    const rows = kept ?? (await this.#fetchFull({ level, index, width: TILE_WIDTH }))
    this.#full.delete(key)
    this.#full.set(key, rows)
    if (this.#full.size > TILES_KEPT_MAX) {
      for (const oldest of this.#full.keys()) {
        this.#full.delete(oldest)
        break
      }
    }
    return rows
  }

  async #fetchFull(tile: Tile): Promise<readonly Uint8Array[]> {
    const [above = EMPTY_ROOT] = await this.#tile(
      tile.level + 1,
      Math.floor(tile.index / TILE_WIDTH),
    )
    const offset = (tile.index % TILE_WIDTH) * HASH_BYTES
    const rows = rowsOver(await this.#fetch(tile))
    const expected = above.subarray(offset, offset + HASH_BYTES)
    if (equalBytes(rows.at(-1) ?? EMPTY_ROOT, expected)) return rows
    const what = `\`${tilePath(tile)}\` is not the tile that the one above it stands for`
    throw invalid(what, entriesBelow(tile, this.head.size))
  }

  async #fetch(tile: Tile): Promise<Uint8Array> {
    const bytes = await this.#read(tile)
    const length = tile.width * HASH_BYTES
    if (bytes.length !== length && bytes.length !== TILE_BYTES) {
      const what = `\`${tilePath(tile)}\` has ${bytes.length} bytes, not ${length}`
      throw invalid(what, entriesBelow(tile, this.head.size))
    }
    // A copy: what was verified must not change in the hands of whoever read it.
    return new Uint8Array(bytes.subarray(0, length))
  }

  #checkPast(size: number): void {
    checkSize(size, 'the size')
    if (size <= this.head.size) return
    throw new TlogError(
      TlogErrorCode.sizeInvalid,
      `the tree has ${this.head.size} entries, and not yet ${size}`,
    )
  }
}

function invalid(message: string, entries?: EntryRange): TlogError {
  const range = entries === undefined ? {} : { entries }
  return new TlogError(TlogErrorCode.tileInvalid, message, range)
}
