import {
  CHAIN_HASH_CHARS,
  chainHash,
  JOURNAL_LINE_BYTES_MAX,
  type JournalPosition,
  messageOf,
} from '@verdict/contract'
import { JournalError, JournalErrorCode } from './errors.ts'
import { type Group, GroupCommit } from './group-commit.ts'
import type { JournalIdentity } from './journal-identity.ts'
import type { Fill, JournalRoom } from './journal-room.ts'
import type { Recovered } from './recovery.ts'
import type { Sealer } from './sealer.ts'
import type { SegmentLog } from './segment-log.ts'
import type { SegmentReader } from './segment-reader.ts'
import type { ShippedMark, ShippedPosition } from './shipped-mark.ts'

/** A hash, a space and a line feed. */
const LINE_OVERHEAD_BYTES = CHAIN_HASH_CHARS + 2

export interface JournalStats {
  /** How often lines were made durable, one sync each, since the journal was opened. */
  readonly commits: number
  /** How many records they were. */
  readonly records: number
  /** Records that are not durable yet. */
  readonly waiting: number
}

export interface JournalParts {
  readonly dir: string
  readonly onFault: ((failure: JournalError) => void) | undefined
  readonly identity: JournalIdentity
  readonly recovered: Recovered
  readonly log: SegmentLog
  readonly mark: ShippedMark
  readonly room: JournalRoom
  readonly sealer: Sealer
  /** What is to be closed with the journal. */
  readonly resources: AsyncDisposableStack
}

/**
 * The write-ahead journal of one decision point; `openJournal` makes it. What waits is written
 * with one write and one sync, and answered together; meanwhile the next group gathers.
 */
export class Journal implements AsyncDisposable {
  /** What opening found, and what it cut off as a torn tail. */
  readonly recovery: { readonly lines: number; readonly tornBytes: number }
  readonly #parts: JournalParts
  readonly #commits: GroupCommit
  readonly #sleepers = new Set<() => void>()
  #closing: Promise<void> | undefined
  #failure: JournalError | undefined
  #lastN: number
  #lastHash: string
  #lastDurable: number
  #shipped: number

  constructor(parts: JournalParts) {
    const { recovered, mark } = parts
    this.#parts = parts
    this.recovery = { lines: recovered.lines, tornBytes: recovered.tornBytes }
    this.#lastN = recovered.lastN
    this.#lastHash = recovered.lastHash
    this.#lastDurable = recovered.lastN
    this.#shipped = mark.position?.n ?? recovered.shippedCursor.segment.firstN - 1
    this.#commits = new GroupCommit({
      commit: (group) => this.#commit(group),
      failure: (thrown) => this.#fail(thrown),
      onFailure: (failure) => parts.onFault?.(failure),
    })
  }

  get instance(): string {
    return this.#parts.identity.instance
  }

  get epoch(): number {
    return this.#parts.identity.epoch
  }

  /** The `n` of the last line that survives a crash; 0 before the first. */
  get lastDurable(): number {
    return this.#lastDurable
  }

  /** The `n` of the last line that is stored elsewhere; 0 before the first. */
  get shipped(): number {
    return this.#shipped
  }

  /** What the segments hold. */
  get bytes(): number {
    return this.#parts.log.bytes
  }

  /** How many files it has: the last one stays for ever. */
  get segments(): number {
    return this.#parts.log.count
  }

  /** How full it is. */
  get fill(): Fill {
    return this.#parts.room.fill
  }

  /** Seals what is shipped. */
  get sealer(): Sealer {
    return this.#parts.sealer
  }

  /** Why nothing is accepted any more, since the disk failed. */
  get failure(): JournalError | undefined {
    return this.#failure
  }

  stats(): JournalStats {
    const { groups, lines, waiting } = this.#commits
    return { commits: groups, records: lines, waiting }
  }

  /**
   * Appends one record; resolves when it is durable. `encode` is called at once, must not append
   * itself, and returns the record's JSON with this position in it; if it throws, or the record is
   * refused, the next record gets the position.
   * @throws {JournalError} `full` | `overloaded` | `record_too_large` | `malformed_record` |
   * `failed` | `closed`
   */
  append(encode: (position: JournalPosition) => string): Promise<JournalPosition> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal()
      if (refusal) throw refusal
      const { instance, epoch } = this.#parts.identity
      const position = { instance, epoch, n: this.#lastN + 1 }
      const json = encode(position)
      const bytes = Buffer.byteLength(json) + LINE_OVERHEAD_BYTES
      requireLine(json, bytes)
      const hash = chainHash(this.#lastHash, json)
      this.#lastN = position.n
      this.#lastHash = hash
      this.#commits.add(`${hash} ${json}\n`, bytes, hash, { position, resolve, reject })
    })
  }

  /** Waits for what was appended, and gives the directory free. End the shipper before. */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Reads the durable lines that are not shipped, in order. */
  reader(): SegmentReader {
    return this.#parts.log.reader(this.#parts.recovered.shippedCursor, this.#shipped + 1)
  }

  /** Reads durable lines from this one on, or from a little before; undefined beyond the last. */
  readerFrom(n: number): SegmentReader | undefined {
    return this.#parts.log.readerFrom(n)
  }

  /** Resolves when there are durable lines behind `n`, or the signal is aborted. */
  async durableBehind(n: number, signal: AbortSignal): Promise<void> {
    if (this.#lastDurable > n || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    this.#sleepers.add(wake)
    signal.addEventListener('abort', wake)
    await promise
    this.#sleepers.delete(wake)
    signal.removeEventListener('abort', wake)
  }

  /** Remembers that all lines up to this one are stored elsewhere. */
  async markShipped(position: ShippedPosition): Promise<void> {
    this.#shipped = position.n
    await this.#parts.mark.move(position)
  }

  /** The `n` of the last line that a checkpoint of the log covers, as far as it was told. */
  get covered(): number {
    return this.#parts.room.covered
  }

  /** A checkpoint of the log covers all lines of this epoch up to `n`: their segments may go. */
  async cover({ epoch, n }: { readonly epoch: number; readonly n: number }): Promise<void> {
    if (epoch !== this.epoch || this.#closing) return
    await this.#parts.room.cover(n)
  }

  /** Deletes the segments that are shipped and covered. */
  async release(): Promise<void> {
    await this.#parts.room.release()
  }

  #refusal(): JournalError | undefined {
    if (this.#failure) return this.#failure
    if (this.#closing) {
      return new JournalError(
        JournalErrorCode.closed,
        `journal \`${this.#parts.dir}\` is closed: append nothing after the stop has begun`,
      )
    }
    return this.#parts.room.refusal(this.#commits.pendingBytes)
  }

  async #commit(group: Group): Promise<void> {
    const lastN = this.#lastDurable + group.waiters.length
    await this.#parts.log.append(Buffer.from(group.text), lastN, group.lastHash)
    this.#lastDurable = lastN
    this.#parts.room.look()
    for (const wake of this.#sleepers) wake()
  }

  #fail(thrown: unknown): JournalError {
    this.#failure = new JournalError(
      JournalErrorCode.failed,
      `journal \`${this.#parts.dir}\` can not be written: ${messageOf(thrown)}: see to the disk ` +
        'and start the process again',
      { cause: thrown },
    )
    return this.#failure
  }

  async #close(): Promise<void> {
    await this.#commits.idle()
    await this.#parts.room.idle()
    await this.#parts.resources.disposeAsync()
  }
}

/** What is on disk is split at line feeds: a record with one could not be read again. */
function requireLine(json: string, bytes: number): void {
  if (bytes > JOURNAL_LINE_BYTES_MAX) {
    throw new JournalError(
      JournalErrorCode.recordTooLarge,
      `a record makes a line of ${bytes} bytes: shorten its texts, for at most ${JOURNAL_LINE_BYTES_MAX} are accepted`,
    )
  }
  if (json.includes('\n')) {
    throw new JournalError(
      JournalErrorCode.malformedRecord,
      'a record has a line feed in it: encode it as JSON without white space',
    )
  }
}
