import { setImmediate as nextTurn } from 'node:timers/promises'
import { RecordCheck, VerdictError } from '@verdict/contract'
import {
  type Bundle,
  bundlePath,
  entriesBelow,
  TILE_WIDTH,
  type Tile,
  TiledTree,
  TlogError,
  TlogErrorCode,
  tilePath,
  verifiedEntries,
} from '@verdict/tlog'
import type { ShardFacts } from '../log/shard-facts.ts'
import type { Damage } from './damage.ts'

/** The log as its own process reads it. */
export interface ScrubbedLog {
  shards(): ShardFacts[]
  tileFile(shard: string, path: string): Uint8Array | 'pruned' | undefined
}

/** Leaves whose content is checked before others have their turn: 1 to 3 ms. */
const LEAVES_PER_TURN = 64

/** Part of a shard was verified. */
export interface Scrubbed {
  readonly shard: string
  readonly leaves: number
}

/** The files of a shard are not what was signed. */
export class DamageFound extends Error {
  override readonly name = 'DamageFound'
  readonly damage: Damage

  constructor(damage: Damage) {
    super(damage.what)
    this.damage = damage
  }
}

/** The entries of a shard were removed while it was read. */
class PrunedMeanwhile extends Error {
  override readonly name = 'PrunedMeanwhile'
}

/**
 * Verifies the log once from its first leaf to what is published now: tiles and entries against the
 * roots, and the content of the leaves.
 * @param onContradiction is told what the leaves say wrong; the files are verified all the same
 * @throws {DamageFound}
 */
export async function* scrubRound(
  log: ScrubbedLog,
  onContradiction: (error: VerdictError) => void,
): AsyncGenerator<Scrubbed> {
  let check: RecordCheck | undefined = new RecordCheck()
  const checked = (work: (records: RecordCheck) => void): void => {
    if (check === undefined) return
    try {
      work(check)
    } catch (error) {
      if (!(error instanceof VerdictError)) throw error
      // What follows from it would be told again and again.
      check = undefined
      onContradiction(error)
    }
  }
  for (const shard of log.shards()) {
    if (shard.state === 'pruned') checked((records) => records.cut())
    for await (const { first, entries } of scrubShard(log, shard)) {
      for (const [i, entry] of entries.entries()) {
        if (i % LEAVES_PER_TURN === 0) await nextTurn()
        checked((records) => records.take(entry, shard.first + first + i))
      }
      yield { shard: shard.name, leaves: entries.length }
    }
  }
  checked((records) => records.end())
}

/** Whether the files of a range are what was signed. @throws {DamageFound} where not */
export async function verifyRange(log: ScrubbedLog, { from, shard, to }: Damage): Promise<void> {
  const facts = log.shards().find(({ name }) => name === shard)
  if (facts === undefined) return
  for await (const { first } of scrubShard(log, facts, from)) if (first + TILE_WIDTH > to) return
}

async function* scrubShard(
  log: ScrubbedLog,
  shard: ShardFacts,
  from = 0,
): AsyncGenerator<{ first: number; entries: readonly Uint8Array[] }> {
  const { name, root, size, state } = shard
  const read = (named: Tile | Bundle): Uint8Array => readOf(log, shard, named)
  try {
    const tree = await TiledTree.open({ size, root }, read)
    if (state === 'pruned') yield* hashTiles(tree)
    // Whole bundles: what is damaged may be told with another range than before.
    else yield* verifiedEntries(tree, read, { from: from - (from % TILE_WIDTH), ahead: 1 })
  } catch (error) {
    if (error instanceof PrunedMeanwhile) return
    if (!(error instanceof TlogError)) throw error
    const range = error.entries ?? { from: 0, to: size - 1 }
    throw new DamageFound({ shard: name, ...range, what: error.message })
  }
}

/** The hashes of a shard whose entries are gone. */
async function* hashTiles(
  tree: TiledTree,
): AsyncGenerator<{ first: number; entries: readonly Uint8Array[] }> {
  for (let first = 0; first < tree.head.size; first += TILE_WIDTH) {
    await tree.leafHashAt(first)
    yield { first, entries: [] }
  }
}

function readOf(log: ScrubbedLog, { name, size }: ShardFacts, named: Tile | Bundle): Uint8Array {
  const path = 'level' in named ? tilePath(named) : bundlePath(named)
  const bytes = log.tileFile(name, path)
  if (bytes === 'pruned') throw new PrunedMeanwhile(`\`${path}\` was removed`)
  if (bytes !== undefined) return bytes
  const entries = entriesBelow(named, size)
  throw new TlogError(TlogErrorCode.tileInvalid, `\`${path}\` is missing`, { entries })
}
