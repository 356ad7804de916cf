import {
  type Completeness,
  CompletenessCheck,
  type CompletenessQuestion,
  RecordCheck,
} from '@verdict/contract'
import { BUNDLES_AHEAD_MAX, type TrustPolicy, verifiedEntries } from '@verdict/tlog'
import { checkKept, type KeptCheckpoint } from './kept-checkpoint.ts'
import type { ShardSource } from './log-source.ts'
import { refutationOf } from './refutation.ts'
import { checkRow, ShardRow } from './shard-row.ts'
import { openShard, readBundleOf, type VerifiedShard, walkTiles } from './verified-shard.ts'

export interface LogVerificationOptions {
  readonly trust: TrustPolicy
  /** A checkpoint that was kept: the log must still hold all of it. */
  readonly kept?: KeptCheckpoint
  readonly question?: CompletenessQuestion
  readonly signal: AbortSignal
  /** So many leaves of so many are verified. */
  readonly onProgress: (leaves: number, total: number) => void
}

/** What was verified. */
export interface VerifiedLog {
  readonly shards: readonly VerifiedShard[]
  readonly check: RecordCheck
  readonly completeness?: Completeness
}

/**
 * Verifies a whole log: checkpoints, tiles, entries, and what its leaves say. It stops at the first
 * contradiction.
 * @throws {LogRefuted}; {CliError} `audit_unavailable`, `bad_file` where it can't be read
 */
export async function verifyLog(
  sources: readonly ShardSource[],
  options: LogVerificationOptions,
): Promise<VerifiedLog> {
  const { onProgress, question, signal, trust } = options
  const shards: VerifiedShard[] = []
  for (const source of sources) {
    const base = shards.reduce((sum, { head }) => sum + head.size, 0)
    shards.push(await openShard(source, { base, trust }))
  }
  if (options.kept !== undefined) await checkKept(options.kept, shards)
  const total = shards.reduce((sum, { head }) => sum + head.size, 0)
  const completeness = question && new CompletenessCheck(question)
  const check = new RecordCheck(completeness ? { onRecord: completeness.take } : {})
  const row = new ShardRow()
  for (const [i, shard] of shards.entries()) {
    const before = shards.slice(0, i)
    try {
      row.begin(shard)
      for await (const done of leavesOf(shard, check, row)) {
        signal.throwIfAborted()
        onProgress(shard.base + done, total)
      }
      if (i === shards.length - 1) check.end()
    } catch (error) {
      throw refutationOf(error, shard, before)
    }
  }
  checkRow(row, shards)
  const answer = completeness?.answer(check)
  return { shards, check, ...(answer && { completeness: answer }) }
}

/** Verifies a shard leaf by leaf; tells from time to time how many are done. */
async function* leavesOf(
  shard: VerifiedShard,
  check: RecordCheck,
  row: ShardRow,
): AsyncGenerator<number> {
  if (shard.source.isPruned) {
    check.cut()
    yield* walkTiles(shard)
    return
  }
  const ahead = { ahead: BUNDLES_AHEAD_MAX }
  for await (const { first, entries } of verifiedEntries(shard.tree, readBundleOf(shard), ahead)) {
    for (const [i, entry] of entries.entries()) {
      row.take(entry, first + i)
      check.take(entry, shard.base + first + i)
    }
    yield first + entries.length
  }
}
