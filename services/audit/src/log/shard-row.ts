import { type Checkpoint, equalBytes } from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { ClosedShard } from './closed-shard.ts'
import { readLeaf } from './leaf.ts'
import { LOG_DIR } from './log-folder.ts'
import type { LogFs } from './log-fs.ts'
import type { NoteBody } from './note.ts'
import { isShardName } from './shard-name.ts'

/** What a shard says in its first leaf of the one before it. */
export function previousOf({ origin, size, root }: Checkpoint): NoteBody {
  return { origin, size, root: Buffer.from(root).toString('base64') }
}

/**
 * Holds the first leaf of a shard against the end of the one before it.
 * @throws {AuditError} `log_damaged`
 */
export function verifyFollows(
  leaf: Uint8Array,
  { name, before }: { name: string; before: ClosedShard },
): void {
  const read = readLeaf(leaf)
  const said = read.kind === 'note' && read.note.kind === 'shard' ? read.note.body['previous'] : {}
  const { origin, root, size } = (said ?? {}) as Partial<Record<string, unknown>>
  const { head } = before.reader
  const sameRoot = equalBytes(Buffer.from(String(root), 'base64'), head.root)
  if (origin === head.origin && size === head.size && sameRoot) return
  throw new AuditError(
    AuditErrorCode.logDamaged,
    `the log is damaged: shard \`${name}\` does not follow from \`${before.name}\`, which is ` +
      'before it; restore the data directory from its newest copy',
  )
}

/**
 * A shard without a lock record was begun after this lock record was saved.
 * @throws {AuditError} `lock_record_missing`, `lock_record_older`
 */
export function refuseUnknown(fs: LogFs, known: readonly string[]): void {
  const unknown = fs.list(LOG_DIR).find((name) => isShardName(name) && !known.includes(name))
  if (unknown === undefined) return
  throw new AuditError(
    known.length === 0 ? AuditErrorCode.lockRecordMissing : AuditErrorCode.lockRecordOlder,
    `there is a shard \`${unknown}\` and no lock record of it: restore the newest \`lock.db\`, not ` +
      'one of a backup',
  )
}
