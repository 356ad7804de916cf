import type { DatabaseSync } from 'node:sqlite'
import type { Chain } from './chain/chains.ts'
import type { Finding, FindingKind } from './chain/finding.ts'
import type { Gap } from './chain/gaps.ts'
import { databaseBytes, inTransaction } from './database.ts'
import { AuditError, AuditErrorCode } from './errors.ts'
import type { LogIndex } from './index/log-index.ts'
import { type JournalMessage, readJournalMessage } from './ingest/journal-message.ts'
import { type Recorded, Recorder, type RecorderParts } from './ingest/recorder.ts'
import type { LogEntry } from './log/log-entry.ts'
import { Publisher } from './log/publisher.ts'
import type { SignedHead } from './log/recovery.ts'
import type { TileLog } from './log/tile-log.ts'
import { type OpenedStore, openStore, type StoreOptions } from './open-store.ts'
import type { Filter } from './search/filter.ts'

/** The gaps of one chain that are listed; `missing` counts all. */
const GAPS_LISTED_MAX = 100

/** Entries, newest first. */
export interface EntryPage {
  readonly entries: LogEntry[]
  readonly next?: number
}

/** Entries, oldest first. */
export interface EntryRun {
  readonly entries: LogEntry[]
  readonly through: number
}

/** Where the journal of one decision point stands in the log. */
export interface ChainState {
  readonly chain: Chain
  readonly missing: number
  /** The first of the gaps. */
  readonly gaps: Gap[]
  readonly unresolved: Partial<Record<FindingKind, number>>
}

/**
 * The log and its index, in one directory that no other process may write. The log is the truth: a
 * message is done with when all that it brings is durable there. The index follows.
 */
export class Store implements Disposable {
  readonly #opened: OpenedStore
  readonly #db: DatabaseSync
  readonly #index: LogIndex
  readonly #log: TileLog
  readonly #recorder: Recorder
  readonly #publisher: Publisher
  #behind: AuditError | undefined

  private constructor(opened: OpenedStore, options: StoreOptions) {
    this.#opened = opened
    this.#db = opened.db
    this.#index = opened.index
    this.#log = opened.log
    this.#recorder = new Recorder({ ...opened, now: options.now ?? Date.now })
    const { checkpointMs, watch } = options
    this.#publisher = new Publisher({
      log: opened.log,
      ...(checkpointMs === undefined ? {} : { checkpointMs }),
      onPublished: (published) => watch?.published(published),
      onFailed: (error) => watch?.failed(error),
    })
  }

  /**
   * Opens a log, or begins one: recovers it, brings over what an older version has stored, and
   * brings the index up to it.
   * @throws {AuditError} that says what to do
   */
  static async open(options: StoreOptions): Promise<Store> {
    const opened = await openStore(options)
    const store = new Store(opened, options)
    try {
      const { legacy } = opened
      await legacy?.bringOver((work, recall) => store.#write(work, recall))
      // What a crash has left staged is in a checkpoint from now on.
      store.#publisher.publish()
      legacy?.retire()
      return store
    } catch (error) {
      store.#publisher[Symbol.dispose]()
      opened[Symbol.dispose]()
      throw error
    }
  }

  /** How many decisions are in the log. */
  get lastIndex(): number {
    return this.#index.decisions
  }

  /** Of the log and its index. */
  get bytes(): number {
    return this.#index.leafBytes + databaseBytes(this.#db)
  }

  /** What readers of the log can verify now. */
  get published(): SignedHead {
    return this.#log.published
  }

  /** The file under a path of tlog-tiles, where the checkpoint covers it. */
  tileFile(path: string): Uint8Array | undefined {
    return this.#log.file(path)
  }

  get verifierKey(): string {
    return this.#log.verifierKey
  }

  /**
   * Takes in one message. When it returns all of it is durable in the log; when it throws nothing
   * is, or the process has to end, and the message may be given again.
   * @throws {AuditError} `store_failed`, `log_failed`, `lock_lost`, `index_behind`
   */
  record(message: JournalMessage): Recorded {
    const content = readJournalMessage(message)
    return this.#write((recorder) => recorder.record(message, content))
  }

  find(id: string): LogEntry | undefined {
    const index = this.#index.search.find(id)
    return index === undefined ? undefined : this.#index.read(index)
  }

  /**
   * The receipt of a decision, from a checkpoint that covers it.
   * @returns `uncovered` when there was none in time; undefined where the decision is not known
   */
  async receipt(id: string): Promise<string | 'uncovered' | undefined> {
    const index = this.#index.search.find(id)
    if (index === undefined) return undefined
    const leaf = this.#index.leafOf(index)
    if (!(await this.#publisher.covers(leaf))) return 'uncovered'
    return await this.#log.receipt(leaf)
  }

  async page(filter: Filter, page: { before?: number; limit: number }): Promise<EntryPage> {
    const before = page.before ?? this.lastIndex + 1
    const { search } = this.#index
    const { indices, next } = await search.page(filter, { before, limit: page.limit })
    const entries = this.#entries(indices)
    return next === undefined ? { entries } : { entries, next }
  }

  /** What comes after an index; `through` is how far it has looked. */
  follow(filter: Filter, range: { after: number; limit: number }): EntryRun {
    const last = this.lastIndex
    const { indices, through } = this.#index.search.follow(filter, { ...range, last })
    return { entries: this.#entries(indices), through }
  }

  /** The chains, newest first. */
  chains(page: { before: number; limit: number }): ChainState[] {
    const { chains, findings, gaps } = this.#index
    return chains.page(page).map((chain) => ({
      chain,
      missing: gaps.missing(chain.id),
      gaps: gaps.of(chain.id, GAPS_LISTED_MAX),
      unresolved: findings.unresolved(chain),
    }))
  }

  /** How many records are missing in all. */
  get missing(): number {
    return this.#index.gaps.missing()
  }

  /** The findings, newest first. */
  findings(page: { before: number; limit: number }): Finding[] {
    return this.#index.findings.page(page)
  }

  /** The bytes that a finding is about and that are no decisions of the log. */
  evidence(finding: number): Uint8Array | undefined {
    return this.#index.evidence(finding)
  }

  unresolved(): Partial<Record<FindingKind, number>> {
    return this.#index.findings.unresolved()
  }

  /** Shows all that is durable, and lets go of the directory. */
  [Symbol.dispose](): void {
    try {
      if (!this.#log.failed) this.#publisher.publish()
    } finally {
      this.#publisher[Symbol.dispose]()
      this.#opened[Symbol.dispose]()
    }
  }

  /**
   * First the log, then the index: what was not staged leaves no trace, and an index that could not
   * follow has to catch up before anything is judged by it.
   */
  #write<T>(work: (recorder: Recorder) => T, recall?: RecorderParts['recall']): T {
    if (this.#behind) throw this.#behind
    const recorder = recall
      ? new Recorder({ log: this.#log, index: this.#index, now: Date.now, recall })
      : this.#recorder
    let staged = false
    try {
      const result = inTransaction(this.#db, () => {
        const done = work(recorder)
        this.#index.flush()
        const { size } = this.#log
        this.#log.commit()
        staged = this.#log.size > size
        return done
      })
      if (staged) this.#publisher.staged()
      return result
    } catch (error) {
      this.#log.rollBack()
      this.#index.rolledBack()
      if (staged) throw this.#fellBehind(error)
      throw error
    }
  }

  #fellBehind(cause: unknown): AuditError {
    const message = 'the index could not take in what is in the log: it does at the next start'
    this.#behind = new AuditError(AuditErrorCode.indexBehind, message, { cause })
    return this.#behind
  }

  #entries(indices: readonly number[]): LogEntry[] {
    return indices.map((index) => this.#index.read(index)).filter((entry) => entry !== undefined)
  }
}
