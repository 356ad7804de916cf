import {
  type Bundle,
  decodeBundle,
  encodeBundle,
  HASH_BYTES,
  parseTilePath,
  TILE_WIDTH,
  type Tile,
  TlogError,
} from '@verdict/tlog'
import type { LogFolder } from './log-folder.ts'

/**
 * The file under a path of tlog-tiles, where a tree of `size` covers it. Partial ones that are gone
 * are cut from the full one. Undefined for everything else.
 */
export function readTileFile(
  folder: LogFolder,
  path: string,
  size: number,
): Uint8Array | undefined {
  const named = parse(path)
  if (named === undefined) return undefined
  const level = 'level' in named ? named.level : 0
  if ((named.index * TILE_WIDTH + named.width) * TILE_WIDTH ** level > size) return undefined
  const bytes = folder.find(named)
  if (bytes === undefined) return undefined
  if ('level' in named) return bytes.subarray(0, named.width * HASH_BYTES)
  return named.width === TILE_WIDTH ? bytes : encodeBundle(decodeBundle(bytes, named.width))
}

function parse(path: string): Tile | Bundle | undefined {
  try {
    return parseTilePath(path)
  } catch (error) {
    if (error instanceof TlogError) return undefined
    throw error
  }
}
