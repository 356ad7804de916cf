import { setTimeout as delay } from 'node:timers/promises'
import {
  connectSubscriber,
  type NatsConnection,
  pullEvents,
  type ReceivedEvent,
} from '@verdict/bus'
import { EVENT_ACK_WAIT_MS, EVENTS_IN_HAND_MAX } from '@verdict/contract'
import { Chains } from './chains.ts'
import { SubscriberError, SubscriberErrorCode } from './errors.ts'
import { type LogOptions, Logs } from './logs.ts'
import { NO_STATE, type StateStore } from './state.ts'
import { type VerifiedEvent, verifyEvents } from './verify-events.ts'

/** Events of one batch; there is one batch in hand, so memory is bounded by it. */
export const DEFAULT_BATCH_MAX = 256
/** A record that others have overtaken is missing when it has not come after this long. */
export const DEFAULT_PATIENCE_MS = 30_000
/** An event for which there is no checkpoint after this long is not in the log. */
export const DEFAULT_COVER_MS = 30_000
/** A broker without events is asked again, and what is overdue looked for, after this long. */
const QUIET_MS_MAX = 5_000
/** After a fault of the broker, the log or the handler it is tried again, at this pace at last. */
const RETRY_PAUSE_MIN_MS = 200
const RETRY_PAUSE_MAX_MS = 5_000
/** The wait for the last acknowledgements to leave. */
const DRAIN_TIMEOUT_MS = 1_000

export interface SubscribeOptions {
  /** One or more nats-servers, separated by commas. */
  readonly url: string
  /** The seed that `verdict subscriber add <name>` made, and that name. */
  readonly seedFile: string
  readonly name: string
  readonly log: LogOptions
  /** Where the subscription remembers what it has seen; such as `fileState('…')`. */
  readonly state: StateStore
  /** Is given verified events; they are acknowledged when it resolves, and come again when not. */
  readonly onEvents: (events: readonly VerifiedEvent[]) => Promise<void>
  /**
   * Is told of an event that is forged or missing; the subscription passes over it when this
   * resolves. Without it the subscription ends.
   */
  readonly onSuspect?: (error: SubscriberError) => Promise<void>
  /** Is told what is tried again: the broker, the log or the handler. */
  readonly onFault?: (error: unknown) => void
  /**
   * The credential has filters: each event is verified, and it can't be told whether some are
   * missing or come twice.
   */
  readonly filtered?: boolean
  readonly batchMax?: number
  readonly patienceMs?: number
  readonly coverMs?: number
  /** Ends the subscription behind the batch in hand. */
  readonly signal?: AbortSignal
}

export interface Subscription {
  /** Resolves when the signal has ended it; rejects with what can't be trusted. */
  readonly done: Promise<void>
}

/** Reads the events of a subscriber, and hands over those that are in the log as they came. */
export function subscribe(options: SubscribeOptions): Subscription {
  return { done: new Reader(options).run() }
}

/** What ends the subscription, or makes it pass over an event; everything else is tried again. */
const INTEGRITY: readonly SubscriberErrorCode[] = [
  SubscriberErrorCode.eventForged,
  SubscriberErrorCode.eventMissing,
  SubscriberErrorCode.eventUncovered,
  SubscriberErrorCode.checkpointInconsistent,
  SubscriberErrorCode.checkpointUntrusted,
  SubscriberErrorCode.logDamaged,
]

class Reader {
  readonly #options: SubscribeOptions
  readonly #signal: AbortSignal
  #chains = new Chains([], { patienceMs: DEFAULT_PATIENCE_MS })

  constructor(options: SubscribeOptions) {
    this.#options = options
    this.#signal = options.signal ?? new AbortController().signal
  }

  async run(): Promise<void> {
    const { coverMs = DEFAULT_COVER_MS, patienceMs = DEFAULT_PATIENCE_MS, log } = this.#options
    const saved = (await this.#options.state.load()) ?? NO_STATE
    const logs = new Logs({ ...log, coverMs, signal: this.#signal }, saved.logs)
    this.#chains = new Chains(saved.chains, { patienceMs })
    const { name, onFault, seedFile, url } = this.#options
    const nc = await connectSubscriber({
      ...{ url, seedFile, name, signal: this.#signal },
      onError: (error) => onFault?.(error),
    })
    try {
      await this.#follow(nc, logs)
    } finally {
      // The last acknowledgements leave with it; while the server is away they can't.
      await Promise.race([nc.drain().catch(() => undefined), delay(DRAIN_TIMEOUT_MS)])
      await nc.close()
    }
  }

  async #follow(nc: NatsConnection, logs: Logs): Promise<void> {
    let pauseMs = RETRY_PAUSE_MIN_MS
    while (!this.#signal.aborted) {
      try {
        await this.#round(nc, logs)
        pauseMs = RETRY_PAUSE_MIN_MS
      } catch (error) {
        if (this.#signal.aborted) return
        if (error instanceof SubscriberError && INTEGRITY.includes(error.code)) throw error
        this.#options.onFault?.(error)
        await delay(pauseMs, undefined, { signal: this.#signal }).catch(() => undefined)
        pauseMs = Math.min(pauseMs * 2, RETRY_PAUSE_MAX_MS)
      }
    }
  }

  /** One batch, from the broker to its acknowledgement. */
  async #round(nc: NatsConnection, logs: Logs): Promise<void> {
    const { name, patienceMs = DEFAULT_PATIENCE_MS } = this.#options
    const received = await pullEvents(nc, {
      name,
      batchMax: Math.min(this.#options.batchMax ?? DEFAULT_BATCH_MAX, EVENTS_IN_HAND_MAX),
      expiresMs: Math.min(patienceMs, QUIET_MS_MAX),
      signal: this.#signal,
    })
    if (received.length > 0) await kept(received, () => this.#take(received, logs))
    for (;;) {
      const chains = this.#chains.copy()
      const error = chains.overdue()
      if (!error) return
      await this.#suspect([error])
      await this.#remember(logs, chains)
    }
  }

  async #take(received: readonly ReceivedEvent[], logs: Logs): Promise<void> {
    const verdicts = await verifyEvents(received, logs)
    await this.#suspect(verdicts.flatMap((each) => ('error' in each ? [each.error] : [])))
    // What the handler did not take is not known either.
    const chains = this.#chains.copy()
    const verified = verdicts.flatMap((each) => ('event' in each ? [each.event] : []))
    const events = this.#options.filtered
      ? verified
      : verified.filter(({ record }) => chains.take(record) !== 'repeated')
    if (events.length > 0) await this.#options.onEvents(events)
    await this.#remember(logs, chains)
  }

  async #remember(logs: Logs, chains: Chains): Promise<void> {
    await this.#options.state.save({ v: 1, logs: logs.state, chains: chains.state })
    this.#chains = chains
  }

  /** @throws {SubscriberError} the first of them, where nobody takes it */
  async #suspect(errors: readonly SubscriberError[]): Promise<void> {
    for (const error of errors) {
      if (!this.#options.onSuspect) throw error
      await this.#options.onSuspect(error)
    }
  }
}

/** Holds events while work is done on them; they are done with afterwards, or given back. */
async function kept(received: readonly ReceivedEvent[], work: () => Promise<void>): Promise<void> {
  const timer = setInterval(() => {
    for (const event of received) event.keep()
  }, EVENT_ACK_WAIT_MS / 3)
  try {
    await work()
    for (const event of received) event.acknowledge()
  } catch (error) {
    for (const event of received) event.giveBack()
    throw error
  } finally {
    clearInterval(timer)
  }
}
