import { seedFile, storeBatch } from '@verdict/bus'
import { JOURNAL_LINE_BYTES_MAX, subjects } from '@verdict/contract'
import {
  type Journal,
  type JournalError,
  openJournal,
  type Shipper,
  shipJournal,
} from '@verdict/journal'
import type { CheckResult } from '@verdict/service'
import { BusLink } from './bus-link.ts'
import type { AuthzConfig } from './config.ts'
import type { AuthzEvents } from './events.ts'

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
  readonly #config: AuthzConfig
  readonly #bytesMax: number
  readonly #events: AuthzEvents
  readonly #link: BusLink
  readonly #shipper: Shipper
  readonly #closing = new AbortController()

  /** @throws {JournalError} where the journal can't be continued */
  static async open(options: RecordShippingOptions) {
    const { dir, bytesMax, events, onFault } = options
    const journal = await openJournal({ dir, bytesMax, onFault })
    events.journalOpened(journal)
    return new RecordShipping(journal, options)
  }

  private constructor(journal: Journal, { config, bytesMax, events }: RecordShippingOptions) {
    const role = 'authz-record'
    this.journal = journal
    this.#config = config
    this.#bytesMax = bytesMax
    this.#events = events
    this.#link = new BusLink({
      url: config.natsUrl,
      role,
      seedFile: seedFile(config.keysDir, role),
      onRetry: (error) => events.busRetry(role, error),
      onError: (error) => events.busError(role, error),
    })
    this.#shipper = this.ship(journal, this.#closing.signal)
    events.watchJournal(journal, this.#shipper)
  }

  /** Ships a journal over this connection, until the signal ends it. */
  ship(journal: Journal, signal: AbortSignal): Shipper {
    const subject = subjects.journal(journal.instance)
    return shipJournal({
      journal,
      store: async (batch) => {
        const timeoutMs = STORE_TIMEOUT_MS
        await storeBatch(this.#link.connection(), subject, batch, { timeoutMs })
      },
      onEvent: (event) => this.#events.shipping(event),
      signal,
    })
  }

  get shipped(): number {
    return this.#shipper.position().shipped
  }

  /** A journal that takes no record ends all decisions. */
  journalHealth(): CheckResult {
    const { failure, bytes, lastDurable, instance } = this.journal
    if (failure !== undefined) return { ok: false, detail: failure.message }
    const detail = `${instance}: ${lastDurable} records, ${bytes} of ${this.#bytesMax} bytes`
    const ok = bytes + JOURNAL_LINE_BYTES_MAX <= this.#bytesMax
    return { ok, detail: ok ? detail : `full: ${detail}` }
  }

  /** Told, and no reason not to be ready: records wait in the journal while there is room. */
  shippingHealth(): CheckResult {
    const { durable, shipped } = this.#shipper.position()
    return { ok: true, detail: `${durable - shipped} records wait; ${this.#link.health().detail}` }
  }

  /** Ships what is there, within a quarter of the time that a stop may take; the rest stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    const drained = await this.#shipper.drain(this.#config.stopTimeoutMs / 4)
    if (!drained) this.#events.journalUndrained(this.#shipper.position())
    this.#closing.abort()
    await this.#shipper.done
    await this.#link.close()
    await this.journal.close()
  }
}
