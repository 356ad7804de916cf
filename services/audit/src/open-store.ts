import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { messageOf } from '@verdict/contract'
import { removeDatabase } from './database.ts'
import { AuditError, AuditErrorCode } from './errors.ts'
import { catchUp } from './index/catch-up.ts'
import { LogIndex } from './index/log-index.ts'
import { openIndex } from './index/open-index.ts'
import type { PinnedKeys } from './ingest/pinned-keys.ts'
import type { PersonalReader } from './key-store/personal-reader.ts'
import { LegacyStore } from './legacy-store.ts'
import { SqliteLockRecord } from './log/lock-record.ts'
import { diskFs } from './log/log-fs.ts'
import { openLogKey } from './log/log-key.ts'
import { FIRST_SHARD, monthOf, type ShardPlan } from './log/shard-name.ts'
import { Shards } from './log/shards.ts'
import type { WitnessPolicy } from './witnesses/witness-policy.ts'
import type { WitnessEvent } from './witnesses/witnesses.ts'

const LOCK_FILE = 'lock.db'
const INDEX_FILE = 'index.db'

/** Who is told what a store does by itself. */
export interface StoreWatch {
  /** The log is open. */
  opened(log: { origin: string; size: number; verifierKey: string }): void
  /** Work before the store can be used: so many of so many are done. */
  progress(work: 'index' | 'migration', done: number, total: number): void
  /** A checkpoint is shown. */
  published(checkpoint: { size: number; seconds: number }): void
  /** Something has happened between the log and its witnesses. */
  witness?(event: WitnessEvent): void
  /** The log can't be written any more. */
  failed(error: unknown): void
}

export interface StoreOptions {
  readonly dir: string
  /** The name of the log for ever; by default one of its own. */
  readonly origin?: string | undefined
  /** The lock record; by default it is in `dir`. */
  readonly lockFile?: string | undefined
  /** In ms; default `Date.now`. */
  readonly now?: () => number
  /** When another shard is begun; by default never. */
  readonly shards?: ShardPlan
  /** Default: CHECKPOINT_MS. */
  readonly checkpointMs?: number
  /** Default: COVER_MS_MAX. */
  readonly coverMs?: number
  /** From a writer that hangs; without it a directory that is in use is refused. */
  readonly takeOver?: boolean
  /** Without one, readers are shown each checkpoint as soon as the log has signed it. */
  readonly witnessPolicy?: WitnessPolicy | undefined
  /** The keys of decision points; without them the first of each instance is trusted. */
  readonly pinnedKeys?: PinnedKeys | undefined
  /** Reads personal fields that are encrypted; without it they are given as they are. */
  readonly personal?: PersonalReader | undefined
  readonly watch?: StoreWatch
}

/** What a store works on. */
export interface OpenedStore extends Disposable {
  readonly log: Shards
  readonly db: DatabaseSync
  readonly index: LogIndex
  /** What an older version has stored here and is not in the log. */
  readonly legacy: LegacyStore | undefined
}

/** @throws {AuditError} that says what to do */
export async function openStore(options: StoreOptions): Promise<OpenedStore> {
  try {
    return await open(options)
  } catch (cause) {
    if (cause instanceof AuditError) throw cause
    const message = `can't open the log in \`${options.dir}\`: ${messageOf(cause)}`
    throw new AuditError(AuditErrorCode.logFailed, message, { cause })
  }
}

async function open(options: StoreOptions): Promise<OpenedStore> {
  const { dir, watch } = options
  using resources = new DisposableStack()
  makeDataDir(path.resolve(dir))
  const fs = diskFs(dir)
  const lockFile = options.lockFile ?? path.join(dir, LOCK_FILE)
  const { takeOver = false } = options
  const lock = resources.use(new SqliteLockRecord(lockFile, { takeOver }))
  const legacy = LegacyStore.open(dir, (done, total) => watch?.progress('migration', done, total))
  if (legacy) resources.use(legacy)
  const isNew = lock.shards().length === 0 && fs.list('log').length === 0
  const key = openLogKey(fs, { origin: options.origin, isNew })
  const { now = Date.now, shards } = options
  const firstName = shards?.monthly ? monthOf(now()) : FIRST_SHARD
  const log = resources.use(await Shards.open({ fs, locks: lock, key, firstName }))
  const { verifierKey } = log
  watch?.opened({ origin: log.published.origin, size: log.size, verifierKey })
  // The one that hangs holds the index, and keeps it: this one is built again.
  if (takeOver) removeDatabase(path.join(dir, INDEX_FILE))
  const { db, index } = openIndexOf(log, path.join(dir, INDEX_FILE))
  resources.defer(() => db.close())
  const onProgress = (done: number, total: number): void => watch?.progress('index', done, total)
  await catchUp({ db, index, log, onProgress })
  const held = resources.move()
  return { log, db, index, legacy, [Symbol.dispose]: () => held.dispose() }
}

/** Makes the directory so that a loss of power doesn't take it with all that is in it. */
function makeDataDir(dir: string): void {
  const made = mkdirSync(dir, { recursive: true, mode: 0o700 })
  if (made === undefined) return
  for (let parent = path.dirname(dir); ; parent = path.dirname(parent)) {
    diskFs(parent).syncDir('.')
    if (parent.length < made.length) break
  }
}

/** An index of another log, or of one that was restored to an older state, is built again. */
function openIndexOf(log: Shards, file: string): { db: DatabaseSync; index: LogIndex } {
  const db = openIndex(file)
  const index = new LogIndex(db, log)
  if (index.fits) return { db, index }
  db.close()
  removeDatabase(file)
  const emptied = openIndex(file)
  return { db: emptied, index: new LogIndex(emptied, log) }
}
