import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { messageOf } from '@verdict/contract'
import { inTransaction } from '../database.ts'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { LeafRun } from '../log/log-reader.ts'
import type { LogIndex } from './log-index.ts'

/** Leaves of one transaction. */
const CHUNK_LEAVES = 8_192

export interface CatchUp {
  readonly db: DatabaseSync
  readonly index: LogIndex
  readonly log: { readonly size: number; leaves(from: number): AsyncIterable<LeafRun> }
  readonly onProgress: (done: number, total: number) => void
}

/**
 * Takes in what the log has and the index has not: after a crash little or nothing, of an index
 * that was deleted all. Each leaf is verified against the root of the log.
 * @throws {AuditError} `log_damaged`, `store_failed`
 */
export async function catchUp(parts: CatchUp): Promise<void> {
  const { index, log, onProgress } = parts
  if (index.next >= log.size) return
  let chunk: { index: number; leaf: Uint8Array }[] = []
  onProgress(index.next, log.size)
  try {
    for await (const leaves of log.leaves(index.next)) {
      chunk.push(...leaves)
      if (chunk.length < CHUNK_LEAVES) continue
      take(parts, chunk)
      chunk = []
      onProgress(index.next, log.size)
      await yieldToOthers()
    }
    take(parts, chunk)
  } catch (cause) {
    if (cause instanceof AuditError) throw cause
    const message = `the log can't be read behind leaf ${index.next}: ${messageOf(cause)}`
    throw new AuditError(AuditErrorCode.logDamaged, `${message}; restore it from a copy`, { cause })
  }
  onProgress(index.next, log.size)
}

function take(
  { db, index }: CatchUp,
  leaves: readonly { readonly index: number; readonly leaf: Uint8Array }[],
): void {
  if (leaves.length === 0) return
  try {
    inTransaction(db, () => {
      for (const { index: at, leaf } of leaves) index.take(leaf, at)
      index.flush()
    })
  } catch (error) {
    index.rolledBack()
    throw error
  }
}
