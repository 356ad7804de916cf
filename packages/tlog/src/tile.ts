import { TlogError, TlogErrorCode } from './errors.ts'
import { HASH_BYTES } from './hash.ts'
import { checkSize } from './tree-size.ts'

/** The layout of a log in files or under a URL: c2sp.org/tlog-tiles. */
export const TILE_WIDTH = 256
export const TILE_BYTES = TILE_WIDTH * HASH_BYTES
export const CHECKPOINT_PATH = 'checkpoint'

/** A row of `width` hashes, each the root of 256^level entries; partial below 256. */
export interface Tile {
  readonly level: number
  readonly index: number
  readonly width: number
}

/** The entries from `index` · 256 on, `width` of them. */
export interface Bundle {
  readonly index: number
  readonly width: number
}

const LEVEL_MAX = 63
const PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*)(\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

export function tilePath(tile: Tile): string {
  if (!Number.isInteger(tile.level) || tile.level < 0 || tile.level > LEVEL_MAX) {
    throw new TlogError(TlogErrorCode.sizeInvalid, `there is no level \`${tile.level}\``)
  }
  return `tile/${tile.level}/${position(tile)}`
}

export function bundlePath(bundle: Bundle): string {
  return `tile/entries/${position(bundle)}`
}

/**
 * What a path below the log's own names.
 * @throws {TlogError} `tile_path_invalid`
 */
export function parseTilePath(path: string): Tile | Bundle {
  const [, kind, outer = '', inner, partial] = PATH.exec(path) ?? []
  const index = Number(`${outer.replace(/[x/]/g, '')}${inner}`)
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  const level = Number(kind)
  const named =
    kind !== undefined &&
    Number.isSafeInteger(index) &&
    // Zeros that lead are of the innermost three digits alone.
    !outer.startsWith('x000') &&
    (partial === undefined || width < TILE_WIDTH) &&
    (kind === 'entries' || level <= LEVEL_MAX)
  if (!named) {
    throw new TlogError(TlogErrorCode.tilePathInvalid, `\`${path}\` names no tile and no bundle`)
  }
  return kind === 'entries' ? { index, width } : { level, index, width }
}

/** The entries below a tile, or in a bundle, of a tree of `size`. */
export function entriesBelow(named: Tile | Bundle, size: number): { from: number; to: number } {
  const each = 'level' in named ? TILE_WIDTH ** named.level : 1
  const from = named.index * TILE_WIDTH * each
  return { from, to: Math.min(from + named.width * each, size) - 1 }
}

/** How many hashes there are on a level of tiles. */
export function hashesOnLevel(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** level)
}

/** The partial tile at the right end of each level, without those that are empty. */
export function edgeTiles(size: number): Tile[] {
  checkSize(size, 'the size')
  const tiles: Tile[] = []
  for (let level = 0; hashesOnLevel(size, level) > 0; level++) {
    const hashes = hashesOnLevel(size, level)
    const width = hashes % TILE_WIDTH
    if (width > 0) tiles.push({ level, index: Math.floor(hashes / TILE_WIDTH), width })
  }
  return tiles
}

/** The tiles of a tree that hold what the smaller tree's tiles do not. */
export function* newTiles(older: number, newer: number): Generator<Tile> {
  checkSize(older, 'the older size')
  checkSize(newer, 'the newer size')
  for (let level = 0; hashesOnLevel(newer, level) > 0; level++) {
    for (const row of newRows(hashesOnLevel(older, level), hashesOnLevel(newer, level))) {
      yield { level, ...row }
    }
  }
}

/** The entry bundles of a log that hold what those of the smaller log do not. */
export function newBundles(older: number, newer: number): Generator<Bundle> {
  checkSize(older, 'the older size')
  checkSize(newer, 'the newer size')
  return newRows(older, newer)
}

function* newRows(older: number, newer: number): Generator<Bundle> {
  if (newer <= older) return
  for (let index = Math.floor(older / TILE_WIDTH); index * TILE_WIDTH < newer; index++) {
    yield { index, width: Math.min(TILE_WIDTH, newer - index * TILE_WIDTH) }
  }
}

/** 1234067 is `x001/x234/067`, and a partial tile of width 5 has `.p/5` behind it. */
function position({ index, width }: Bundle): string {
  checkSize(index, 'the index of a tile')
  if (!Number.isInteger(width) || width < 1 || width > TILE_WIDTH) {
    throw new TlogError(TlogErrorCode.sizeInvalid, `no tile is \`${width}\` wide`)
  }
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/\d{3}/g) ?? []
  const suffix = width === TILE_WIDTH ? '' : `.p/${width}`
  return `${groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')}${suffix}`
}
