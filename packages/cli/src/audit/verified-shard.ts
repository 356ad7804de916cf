import {
  type Bundle,
  bundlePath,
  CHECKPOINT_PATH,
  type Checkpoint,
  entriesBelow,
  type ReadBundle,
  TILE_WIDTH,
  type Tile,
  TiledTree,
  TlogError,
  TlogErrorCode,
  type TrustedCheckpoint,
  type TrustPolicy,
  tilePath,
  trustCheckpoint,
} from '@verdict/tlog'
import type { ShardSource } from './log-source.ts'
import { LogRefuted } from './refutation.ts'
import { originIn, trustOfOrigin } from './trusted-log.ts'

/** A shard whose checkpoint is signed as it should be, and the right end of whose tree is its. */
export interface VerifiedShard {
  readonly source: ShardSource
  readonly origin: string
  readonly head: Checkpoint
  readonly witnesses: TrustedCheckpoint['witnesses']
  /** The signed checkpoint. */
  readonly note: string
  readonly tree: TiledTree
  /** The number of its first leaf in the whole log. */
  readonly base: number
}

/** @throws {LogRefuted}; {CliError} where it can't be read */
export async function openShard(
  source: ShardSource,
  { base, trust }: { base: number; trust: TrustPolicy },
): Promise<VerifiedShard> {
  const bytes = await source.read(CHECKPOINT_PATH)
  let origin = source.name
  try {
    if (bytes === undefined) {
      throw new TlogError(TlogErrorCode.checkpointMalformed, 'there is no checkpoint')
    }
    const note = Buffer.from(bytes).toString('utf8')
    const { checkpoint: head, witnesses } = trustCheckpoint(
      bytes,
      trustOfOrigin(trust, originIn(note)),
    )
    origin = head.origin
    const tree = await TiledTree.open(head, (tile) => readOf(source, tile, head.size))
    return { source, origin, head, witnesses, note, tree, base }
  } catch (error) {
    if (error instanceof TlogError) throw new LogRefuted(error, origin, error.entries)
    throw error
  }
}

export function readBundleOf({ head, source }: VerifiedShard): ReadBundle {
  return (bundle) => readOf(source, bundle, head.size)
}

/** Verifies the tiles of a shard whose entries are gone. */
export async function* walkTiles({ head, tree }: VerifiedShard): AsyncGenerator<number> {
  for (let first = 0; first < head.size; first += TILE_WIDTH) {
    await tree.leafHashAt(first)
    yield Math.min(first + TILE_WIDTH, head.size)
  }
}

async function readOf(
  source: ShardSource,
  named: Tile | Bundle,
  size: number,
): Promise<Uint8Array> {
  const path = 'level' in named ? tilePath(named) : bundlePath(named)
  const bytes = await source.read(path)
  if (bytes !== undefined) return bytes
  const entries = entriesBelow(named, size)
  throw new TlogError(TlogErrorCode.tileInvalid, `\`${path}\` is missing`, { entries })
}
