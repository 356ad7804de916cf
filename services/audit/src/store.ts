import type { DatabaseSync } from 'node:sqlite'
import type { JournalPosition } from '@verdict/contract'
import { COVERED_CHAINS_MAX, Coverage } from './chain/coverage.ts'
import type { Alarm, Finding } from './chain/finding.ts'
import { inTransaction } from './database.ts'
import { AuditError, AuditErrorCode } from './errors.ts'
import { appendNote } from './index/append-note.ts'
import { type JournalMessage, readJournalMessage } from './ingest/journal-message.ts'
import { nothingRecorded, type Recorded, Recorder, type RecorderParts } from './ingest/recorder.ts'
import { resolvedLeaf } from './log/leaf.ts'
import type { NoteBody, NoteKind } from './log/note.ts'
import { Publisher } from './log/publisher.ts'
import type { ShardPlan } from './log/shard-name.ts'
import { type OpenedStore, openStore, type StoreOptions, type StoreWatch } from './open-store.ts'
import { Retention } from './retention/retention.ts'
import { ShardTurns } from './shard-turns.ts'
import { StoreReader } from './store-reader.ts'
import { witnessed } from './witnesses/witness-alarms.ts'
import type { WitnessedShards } from './witnesses/witnessed-shards.ts'
import type { WitnessReport } from './witnesses/witnesses.ts'

export type { ChainState, EntryPage, EntryRun } from './store-reader.ts'

/** One log for ever. */
const NO_SHARDS: ShardPlan = { monthly: false }
/**
 * The log and its index, in one directory that no other process may write. The log is the truth: a
 * message is done with when all that it brings is durable there. The index follows.
 */
export class Store extends StoreReader implements Disposable {
  readonly #opened: OpenedStore
  readonly #db: DatabaseSync
  /** How far journals are under the checkpoint that is shown. */
  readonly coverage: Coverage = new Coverage()
  readonly #recorder: Recorder
  protected override readonly publisher: Publisher
  readonly #witnesses: WitnessedShards | undefined
  readonly #turns: ShardTurns
  /** Which entries have to stay, and for how long. */
  readonly retention: Retention
  #behind: AuditError | undefined
  #refusal: AuditError | undefined

  private constructor(opened: OpenedStore, options: StoreOptions) {
    super(opened, options.personal)
    this.#opened = opened
    this.#db = opened.db
    const { now = Date.now, pinnedKeys } = options
    this.#recorder = new Recorder({ ...opened, now, pinnedKeys })
    const { checkpointMs, coverMs, watch, witnessPolicy } = options
    this.#witnesses =
      witnessPolicy &&
      witnessed({
        policy: witnessPolicy,
        record: this,
        onEvent: (event) => {
          if (event.kind === 'witnessed') this.publisher.wake()
          watch?.witness?.(event)
        },
        onFailed: (error) => watch?.failed(error),
      })
    this.publisher = new Publisher({
      log: opened.log,
      witnesses: this.#witnesses,
      ...(checkpointMs === undefined ? {} : { checkpointMs }),
      ...(coverMs === undefined ? {} : { coverMs }),
      onPublished: (published) => watch?.published(published),
      onFailed: (error) => watch?.failed(error),
    })
    this.#turns = new ShardTurns({
      ...{ log: opened.log, index: opened.index, plan: options.shards ?? NO_SHARDS, now },
      commit: (work) => this.#commit(work),
      publish: () => this.publisher.publish(),
      onBegun: () => this.#followOpenShard(watch),
    })
    this.retention = new Retention({
      ...{ db: opened.db, log: opened.log, index: opened.index, now },
      note: (kind, body) => this.note(kind, body),
      turn: () => this.#turnWhenDue(),
      pseudonymsOf: (principal) => this.found({ principal }).pseudonyms ?? [],
      isWitnessed: ({ name, size }) => this.shownOf(name)?.size === size,
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
      await store.retention.resume()
      store.#turns.resume()
      await legacy?.bringOver((work, recall) => store.#write(work, recall))
      // What a crash has left staged is in a checkpoint from now on.
      store.publisher.publish()
      for (const log of opened.log.logs()) await store.#witnesses?.follow(log)
      store.#cover(opened.index.whole(COVERED_CHAINS_MAX))
      legacy?.retire()
      return store
    } catch (error) {
      store.publisher[Symbol.dispose]()
      opened[Symbol.dispose]()
      throw error
    }
  }

  /** How things stand with the witnesses; undefined where there are none. */
  get witnesses(): WitnessReport | undefined {
    return this.#witnesses?.report()
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

  /**
   * Puts on the record that something is wrong; undefined where it is there, and not resolved.
   * @throws as `record`
   */
  raise({ kind, subject, ...rest }: Alarm): Finding | undefined {
    const words = `${kind} ${subject}`
    if (this.index.findings.openKeys(words).length > 0) return undefined
    const key = `${words} ${this.log.size}`
    return this.#write((recorder) => {
      const recorded = nothingRecorded()
      recorder.note(recorded, { kind, key, seq: 0, ...rest })
      return recorded.findings[0]
    })
  }

  /** Puts on the record that it is mended. @throws as `record` */
  settle({ kind, subject }: Pick<Alarm, 'kind' | 'subject'>): Finding[] {
    const keys = this.index.findings.openKeys(`${kind} ${subject}`)
    if (keys.length === 0) return []
    return this.#write(() => {
      const settled = keys.map((key) => {
        const resolved = { key, at: new Date().toISOString() }
        const leaf = resolvedLeaf(resolved)
        return this.index.takeResolved(resolved, this.log.append(leaf), leaf.length)
      })
      return settled.filter((finding) => finding !== undefined)
    })
  }

  /**
   * Takes in several messages with one sync: all of them are durable when it returns, or none is.
   * Whoever groups gives what it has waiting, and acknowledges each afterwards.
   * @throws {AuditError} as `record`
   */
  recordAll(messages: readonly JournalMessage[]): Recorded[] {
    const read = messages.map((message) => ({ message, content: readJournalMessage(message) }))
    return this.#write((recorder) =>
      read.map(({ message, content }) => recorder.record(message, content)),
    )
  }

  /**
   * Writes a note into the log, where it is durable when this returns; tells the index of its leaf.
   * `log/note.ts` has the kinds.
   * @throws {AuditError} as `record`
   */
  note(kind: NoteKind, body: NoteBody): number {
    const parts = { log: this.log, index: this.index }
    return this.#write(() => appendNote(parts, kind, body))
  }

  /** Has nothing more added to the log, for this reason; undefined: it goes on. */
  refuse(refusal: AuditError | undefined): void {
    this.#refusal = refusal
  }

  /** Shows all that is durable, and lets go of the directory. */
  [Symbol.dispose](): void {
    try {
      if (!this.log.failed) this.publisher.publish()
    } finally {
      this.publisher[Symbol.dispose]()
      this.#opened[Symbol.dispose]()
    }
  }

  #turnWhenDue(): void {
    if (this.#refusal) throw this.#refusal
    if (this.#behind) throw this.#behind
    this.#turns.turnWhenDue()
  }

  /** Into the shard that is open now. */
  #write<T>(work: (recorder: Recorder) => T, recall?: RecorderParts['recall']): T {
    this.#turnWhenDue()
    return this.#commit(work, recall)
  }

  /**
   * First the log, then the index: what was not staged leaves no trace, and an index that could not
   * follow has to catch up before anything is judged by it.
   */
  #commit<T>(work: (recorder: Recorder) => T, recall?: RecorderParts['recall']): T {
    if (this.#behind) throw this.#behind
    const recorder = recall
      ? new Recorder({ log: this.log, index: this.index, now: Date.now, recall })
      : this.#recorder
    let staged = false
    try {
      const result = inTransaction(this.#db, () => {
        const done = work(recorder)
        this.index.flush()
        const { size } = this.log
        this.log.commit()
        staged = this.log.size > size
        return done
      })
      if (staged) this.publisher.staged()
      if (staged) this.#cover(this.index.moved())
      return result
    } catch (error) {
      this.log.rollBack()
      this.index.rolledBack()
      if (staged) throw this.#fellBehind(error)
      throw error
    }
  }

  #followOpenShard(watch: StoreWatch | undefined): void {
    this.#witnesses?.follow(this.log.open).catch((error: unknown) => watch?.failed(error))
  }

  #cover(journals: readonly JournalPosition[]): void {
    const { published, size } = this.log.open
    this.coverage.staged({ origin: published.origin, size }, journals)
  }

  #fellBehind(cause: unknown): AuditError {
    const message = 'the index could not take in what is in the log: it does at the next start'
    this.#behind = new AuditError(AuditErrorCode.indexBehind, message, { cause })
    return this.#behind
  }
}
