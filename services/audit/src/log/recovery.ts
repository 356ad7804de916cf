import { messageOf } from '@verdict/contract'
import {
  type Checkpoint,
  EMPTY_ROOT,
  equalBytes,
  formatCheckpoint,
  GrowingTree,
  type NoteSigner,
  openCheckpoint,
  signNote,
  TlogError,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { LockRecord } from './lock-record.ts'
import { LOG_DIR, type LogFolder } from './log-folder.ts'
import type { LogFs } from './log-fs.ts'
import { STAGED_DIR, StagedEntries } from './staged-entries.ts'

/** A checkpoint of ours: what it says, and the note that says it. */
export interface SignedHead extends Checkpoint {
  readonly note: string
}

/** A log as a crash has left it, brought into order. */
export interface Recovered {
  /** With all that was staged. */
  readonly tree: GrowingTree
  readonly published: SignedHead
  /** Where more is staged; undefined until there is something. */
  readonly staged: StagedEntries | undefined
  /** What is staged behind the published tree. */
  readonly entries: Uint8Array[]
}

export interface LogParts {
  readonly fs: LogFs
  readonly folder: LogFolder
  readonly lock: LockRecord
  readonly signer: NoteSigner
}

/**
 * Brings the log into order after whatever ended its writer. The lock record is the last step that
 * was taken for certain: what it knows and readers can't see yet is applied again; what is staged
 * behind it is kept; everything that neither explains is refused.
 * @throws {AuditError} `lock_record_missing`, `lock_record_older`, `log_older`, `log_damaged`
 */
export async function recover(parts: LogParts): Promise<Recovered> {
  const { fs } = parts
  fs.makeDir(STAGED_DIR)
  fs.syncDir('.')
  const locked = openLocked(parts)
  let published = openPublished(parts, locked)
  let tree = await resumeTree(published, parts)
  let resumed = StagedEntries.resume(fs, published)
  if (locked.size > published.size) {
    try {
      applyAgain(tree, resumed?.entries ?? [], locked, parts)
    } finally {
      resumed?.staged[Symbol.dispose]()
    }
    published = locked
    resumed = StagedEntries.resume(fs, published)
    tree = await resumeTree(published, parts)
  }
  const entries = resumed?.entries ?? []
  if (resumed && entries.length === 0) {
    // Another writer that hangs may have it open: what is staged next goes into a file of its own.
    resumed.staged[Symbol.dispose]()
    StagedEntries.remove(fs, published.size)
    resumed = undefined
  }
  for (const entry of entries) tree.append(entry)
  for (const size of StagedEntries.sizes(fs)) {
    if (size > published.size) throw older(`entries are staged behind ${size}`, published.size)
    if (size < published.size) StagedEntries.remove(fs, size)
  }
  // The name of the checkpoint may not be on disk yet, though it can be read.
  fs.syncDir(LOG_DIR)
  return { tree, published, staged: resumed?.staged, entries }
}

/**
 * Begins a log of nothing. What is there of it can only be its empty checkpoint.
 * @throws {AuditError} `lock_record_missing`, `lock_lost`, `log_damaged`
 */
export function beginEmpty(parts: LogParts): Recovered {
  const { fs } = parts
  fs.makeDir(STAGED_DIR)
  fs.syncDir('.')
  const published = openPublished(parts, openLocked(parts))
  if (published.size > 0) throw damaged('a log is there where one begins')
  return { tree: new GrowingTree(), published, staged: undefined, entries: [] }
}

/** Signs what a log is at a size. */
export function signHead(
  { size, root }: { size: number; root: Uint8Array },
  signer: NoteSigner,
): SignedHead {
  const origin = signer.verifier.name
  const note = signNote({ text: formatCheckpoint({ origin, size, root }) }, [signer])
  return { origin, size, root, extensions: [], note }
}

function openLocked({ folder, fs, lock, signer }: LogParts): SignedHead {
  const note = lock.read()
  if (note !== undefined) return openHead(note, signer, 'the lock record')
  if (!folder.isEmpty || StagedEntries.sizes(fs).length > 0) {
    const what = 'there is a log and no lock record of it, so nobody can tell whether it is whole'
    throw new AuditError(
      AuditErrorCode.lockRecordMissing,
      `${what}: restore \`lock.db\`, or begin another log in another VERDICT_AUDIT_DATA_DIR`,
    )
  }
  const empty = signHead({ size: 0, root: EMPTY_ROOT }, signer)
  if (!lock.replace(undefined, empty.note)) throw lockLost()
  return empty
}

/** The checkpoint that readers see, held against the lock record. */
function openPublished({ folder, signer }: LogParts, locked: SignedHead): SignedHead {
  const note = folder.checkpoint()
  if (note === undefined) {
    if (locked.size > 0) throw older('there is no checkpoint', locked.size)
    folder.publish(locked.note)
    return locked
  }
  const published = openHead(note, signer, `\`${LOG_DIR}/checkpoint\``)
  if (published.size > locked.size) {
    throw new AuditError(
      AuditErrorCode.lockRecordOlder,
      `the lock record is of ${locked.size} entries and the log has published ${published.size}: ` +
        'restore the newest `lock.db`, not one of a backup',
    )
  }
  if (published.size === locked.size && !equalBytes(published.root, locked.root)) {
    throw damaged(`the log and its lock record have different roots at ${locked.size} entries`)
  }
  return published
}

/** Grows the log to where the lock record says that it is. */
function applyAgain(
  tree: GrowingTree,
  entries: readonly Uint8Array[],
  locked: SignedHead,
  { folder }: LogParts,
): void {
  const from = tree.size
  if (from + entries.length < locked.size) throw older(`the log has ${from} entries`, locked.size)
  if (from + entries.length > locked.size) throw damaged('more is staged than was signed')
  for (const entry of entries) tree.append(entry)
  const growth = tree.take()
  if (!equalBytes(growth.head.root, locked.root)) {
    throw damaged(`what is staged behind ${from} entries leads to another root`)
  }
  folder.apply(growth)
  folder.publish(locked.note)
}

async function resumeTree(head: SignedHead, { folder }: LogParts): Promise<GrowingTree> {
  try {
    return await GrowingTree.resume(
      head,
      (tile) => folder.read(tile),
      (bundle) => folder.read(bundle),
    )
  } catch (cause) {
    // What can't be read now may be whole.
    if (!(cause instanceof TlogError)) throw cause
    throw damaged(`its right end is not what its checkpoint says: ${messageOf(cause)}`, cause)
  }
}

function openHead(note: string, signer: NoteSigner, what: string): SignedHead {
  try {
    return { ...openCheckpoint(note, [signer.verifier]).checkpoint, note }
  } catch (cause) {
    throw damaged(`${what} is not by the key of this log: ${messageOf(cause)}`, cause)
  }
}

/** Another process has taken over the log. */
export function lockLost(): AuditError {
  return new AuditError(
    AuditErrorCode.lockLost,
    'the lock record was changed by another writer: run one audit service on a data directory',
  )
}

function older(what: string, size: number): AuditError {
  return new AuditError(
    AuditErrorCode.logOlder,
    `${what}, and the lock record is of ${size}: this is a restored backup, or a part of the ` +
      'data directory is lost; restore the newest copy of all of it',
  )
}

function damaged(what: string, cause?: unknown): AuditError {
  return new AuditError(
    AuditErrorCode.logDamaged,
    `the log is damaged: ${what}; restore the data directory from a copy`,
    { cause },
  )
}
