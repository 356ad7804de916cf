import { type Checkpoint, equalBytes, openCheckpoint, type TrustPolicy } from '@verdict/tlog'
import { CliErrorCode } from '../errors.ts'
import { LogRefuted } from './refutation.ts'
import { originIn, trustOfOrigin } from './trusted-log.ts'
import type { VerifiedShard } from './verified-shard.ts'

/** A checkpoint that whoever verifies has kept, and that the log has signed. */
export type KeptCheckpoint = Checkpoint

/** @throws {TlogError} where the log has not signed it */
export function keptCheckpoint(note: Uint8Array, trust: TrustPolicy): KeptCheckpoint {
  const { logs } = trustOfOrigin(trust, originIn(Buffer.from(note).toString('utf8')))
  return openCheckpoint(
    note,
    logs.map(({ verifier }) => verifier),
  ).checkpoint
}

/**
 * Verifies that the log still holds all that it had when it signed a checkpoint.
 * @throws {LogRefuted} `log_rolled_back`, `log_forked`
 */
export async function checkKept(
  kept: KeptCheckpoint,
  shards: readonly VerifiedShard[],
): Promise<void> {
  const { origin, root, size } = kept
  const shard = shards.find((candidate) => candidate.origin === origin)
  if (shard === undefined || shard.head.size < size) {
    const has = shard === undefined ? 'it is not shown any more' : `it has ${shard.head.size}`
    const message = `it had ${size} leaves when the kept checkpoint was signed, and now ${has}`
    throw new LogRefuted({ code: CliErrorCode.logRolledBack, message }, origin)
  }
  if (equalBytes(await shard.tree.rootAt(size), root)) return
  const message = `its first ${size} leaves are not the kept checkpoint's: it has two histories`
  const code = CliErrorCode.logForked
  throw new LogRefuted({ code, message }, origin, { from: 0, to: size - 1 })
}
