import { isFatal } from '../database.ts'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Store } from '../store.ts'
import type { Feed } from '../stream/feed.ts'
import type { JournalMessage } from './journal-message.ts'
import type { RecordedLine } from './recorder.ts'

/** A message as it is delivered. */
export interface DeliveredMessage extends JournalMessage {
  /** It was delivered before, and perhaps taken in. */
  readonly redelivered: boolean
}

export interface IntakeParts {
  readonly store: Store
  readonly feed: Feed
  readonly events: Events
  /** Whether subscribers can be told now. */
  readonly connected: () => boolean
  /** Tells subscribers of one record that is in the log. */
  readonly tell: (line: RecordedLine) => void
  /** The store can't be trusted any more. */
  readonly fail: (error: unknown) => void
}

/** Takes messages in: into the log, then to those who listen. */
export class Intake {
  readonly #parts: IntakeParts
  #fault: AuditError | undefined
  #taken = 0

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** How many messages were taken in. */
  get taken(): number {
    return this.#taken
  }

  /** Not ok from a message that could not be stored until the next one that could. */
  health(): { ok: boolean; detail: string } {
    if (this.#fault) return { ok: false, detail: this.#fault.message }
    return { ok: true, detail: `${this.#parts.store.lastIndex} records` }
  }

  /**
   * Returns when the message may be acknowledged: its records are on disk, and have been given to
   * the connection for those who subscribe. The acknowledgement follows on the same connection, so
   * where it arrives they have arrived before. A message that is delivered again tells of all its
   * records again, since a crash may have come between the commit and the telling. So whoever is
   * connected hears of each record at least once, and knows a repetition by its index.
   * @throws {AuditError} `store_failed`, `not_told`: the message has to be delivered again
   */
  take(message: DeliveredMessage): void {
    this.takeAll([message])
  }

  /** The same of several messages, with one sync: all of them may be acknowledged, or none. */
  takeAll(messages: readonly DeliveredMessage[]): void {
    const { connected, events, feed, store, tell } = this.#parts
    const startedAt = performance.now()
    const all = this.#guarded(() => store.recordAll(messages))
    const took = { seconds: (performance.now() - startedAt) / 1000 }
    this.#taken += messages.length
    for (const recorded of all) events.recorded(recorded, took)
    feed.wake()
    if (!connected()) {
      const why = 'the connection was lost before subscribers were told: the batch comes again'
      throw new AuditError(AuditErrorCode.notTold, why)
    }
    for (const [at, { told }] of all.entries()) {
      if (messages[at]?.redelivered) for (const line of told.again) tell(line)
      for (const line of told.fresh) tell(line)
    }
  }

  #guarded<T>(write: () => T): T {
    try {
      const written = write()
      this.#fault = undefined
      return written
    } catch (error) {
      if (error instanceof AuditError) this.#fault = error
      if (isFatal(error)) this.#parts.fail(error)
      throw error
    }
  }
}
