import { seedFile, storeBatch } from '@verdict/bus'
import { type Covered, JOURNAL_LINE_BYTES_MAX, RecordClass, subjects } from '@verdict/contract'
import {
  type Fill,
  type Journal,
  type JournalError,
  openJournal,
  Resender,
  type Shipper,
  shipJournal,
} from '@verdict/journal'
import type { CheckResult } from '@verdict/service'
import { BusLink } from './bus-link.ts'
import type { AuthzConfig } from './config.ts'
import type { AuthzEvents } from './events.ts'
import { JournalEvents } from './journal-events.ts'
import { openPersonal, type Personal } from './personal/personal.ts'
import type { PersonalRecords } from './personal/personal-records.ts'
import type { SealedKeys } from './personal/sealed-keys.ts'
import { sealedTravel } from './personal/sealed-travel.ts'

/** A batch whose acknowledgement takes longer is sent again. */
const STORE_TIMEOUT_MS = 5_000

export interface RecordShippingOptions {
  readonly config: AuthzConfig
  readonly dir: string
  /** What the journal may hold. */
  readonly bytesMax: number
  readonly events: AuthzEvents
  /** The disk failed: nothing can be recorded any more before the next start. */
  readonly onFault: (failure: JournalError) => void
}

/**
 * The journal of this decision point, and what ships it to the stream, on a connection of its own:
 * the one that answers callers may not publish records.
 */
export class RecordShipping implements AsyncDisposable {
  readonly journal: Journal
  readonly journalEvents: JournalEvents
  readonly #personal: Personal
  readonly #config: AuthzConfig
  readonly #events: AuthzEvents
  readonly #link: BusLink
  readonly #shipper: Shipper
  readonly #resender: Resender
  readonly #closing = new AbortController()

  /** @throws {JournalError} where the journal can't be continued */
  static async open(options: RecordShippingOptions) {
    const { config, dir, bytesMax, events, onFault } = options
    const onFill = (fill: Fill): void => events.journalFill(fill)
    const keyAgeMsMax = config.journalKeyAgeMs
    const journal = await openJournal({ dir, bytesMax, keyAgeMsMax, onFault, onFill })
    events.journalOpened(journal)
    const personal = await openPersonal({ config, dir, journal, events })
    return new RecordShipping(journal, personal, options)
  }

  private constructor(journal: Journal, personal: Personal, options: RecordShippingOptions) {
    const { config, events } = options
    const role = 'authz-record'
    this.journal = journal
    this.#personal = personal
    this.journalEvents = new JournalEvents({
      journal,
      onDropped: (reason) => events.recordDropped(reason),
      onLost: (lost) => events.journalEventsLost(lost),
    })
    this.#config = config
    this.#events = events
    this.#link = new BusLink({
      url: config.natsUrl,
      role,
      seedFile: seedFile(config.keysDir, role),
      onRetry: (error) => events.busRetry(role, error),
      onError: (error) => events.busError(role, error),
    })
    this.#shipper = this.ship(journal, this.#closing.signal, personal.sealed)
    this.#resender = this.resend(journal, this.#closing.signal, personal.sealed)
    events.watchJournal(journal, this.#shipper)
  }

  /** Encrypts what names a person; undefined where nothing is encrypted. */
  get personalRecords(): PersonalRecords | undefined {
    return this.#personal.records
  }

  /** Ships a journal with its sealed keys over this connection, until the signal ends it. */
  ship(journal: Journal, signal: AbortSignal, sealed?: SealedKeys): Shipper {
    return shipJournal({
      journal,
      store: async (batch) => {
        await this.#store(journal, batch)
        sealed?.stored(batch)
      },
      ...(sealed && sealedTravel(sealed)),
      onEvent: (event) => this.#events.shipping(event),
      signal,
    })
  }

  /** Sends again what the stream has lost of a journal, until the signal ends it. */
  resend(journal: Journal, signal: AbortSignal, sealed?: SealedKeys): Resender {
    return new Resender({
      journal,
      store: (batch) => this.#store(journal, batch),
      ...(sealed && { ...sealedTravel(sealed), controlsOf: (lines) => sealed.linesAgain(lines) }),
      afterMs: this.#config.journalResendAfterMs,
      onEvent: (event) => this.#events.shipping(event),
      signal,
    })
  }

  async #store({ instance }: Journal, batch: Uint8Array): Promise<void> {
    const timeoutMs = STORE_TIMEOUT_MS
    await storeBatch(this.#link.connection(), subjects.journal(instance), batch, { timeoutMs })
  }

  get shipped(): number {
    return this.#shipper.position().shipped
  }

  /** Whether the stream has a record before the time has passed. */
  async stored(n: number, timeoutMs: number): Promise<boolean> {
    return await this.#shipper.stored(n, timeoutMs)
  }

  /** What the log covers of this journal needs no place here any more; what it lacks comes again. */
  covered(covered: Covered): void {
    if (covered.instance !== this.journal.instance) return
    const cover = async (): Promise<void> => {
      await this.journal.cover(covered)
      await this.#personal.sealed?.release(this.journal.covered)
    }
    cover().catch((error: unknown) => {
      this.#events.shipping({ type: 'release_failed', error })
    })
    this.#resender.told(covered)
  }

  /** A journal that takes no record ends all decisions but those of the class `best_effort`. */
  journalHealth(): CheckResult {
    const { failure, fill, lastDurable, instance } = this.journal
    if (failure !== undefined) return { ok: false, detail: failure.message }
    const { bytes, bytesMax, isNearlyFull } = fill
    const detail = `${instance}: ${lastDurable} records, ${bytes} of ${bytesMax} bytes`
    if (bytes + JOURNAL_LINE_BYTES_MAX > bytesMax) {
      const ok = this.#config.recordClass === RecordClass.bestEffort
      return { ok, detail: `full: ${detail}` }
    }
    return { ok: true, detail: isNearlyFull ? `nearly full: ${detail}` : detail }
  }

  /** Told, and no reason not to be ready: records wait in the journal while there is room. */
  shippingHealth(): CheckResult {
    const { durable, shipped } = this.#shipper.position()
    return { ok: true, detail: `${durable - shipped} records wait; ${this.#link.health().detail}` }
  }

  /** Ships what is there, within a quarter of the time that a stop may take; the rest stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.journalEvents[Symbol.asyncDispose]()
    const drained = await this.#shipper.drain(this.#config.stopTimeoutMs / 4)
    if (!drained) this.#events.journalUndrained(this.#shipper.position())
    this.#closing.abort()
    await Promise.all([this.#shipper.done, this.#resender[Symbol.asyncDispose]()])
    await this.#link.close()
    await this.journal.close()
    await this.#personal[Symbol.asyncDispose]()
  }
}
