import assert from 'node:assert/strict'
import { JOURNAL_BATCH_BYTES_MAX, JOURNAL_LINE_BYTES_MAX } from '@verdict/contract'
import type { Journal } from './journal.ts'
import type { Batch } from './segment-reader.ts'
import { ShippedWaits } from './shipped-waits.ts'

/** A message costs as much as 30 records: at most 100 messages/s, unless they are large. */
export const DEFAULT_LINGER_MS = 10
/** The delay after the first failure; it doubles with each further one. */
export const RETRY_DELAY_MS_MIN = 100
/** The delay never grows beyond this; the tries never end, for the journal keeps the lines. */
export const RETRY_DELAY_MS_MAX = 5_000

export type ShipEvent =
  | { readonly type: 'shipped'; readonly lines: number; readonly bytes: number; readonly n: number }
  | {
      readonly type: 'retry'
      readonly step: 'read' | 'store'
      readonly attempt: number
      readonly delayMs: number
      readonly error: unknown
    }
  /** The disk lets no line be marked or deleted, or no key be made; the next batch tries again. */
  | { readonly type: 'release_failed'; readonly error: unknown }
  /** Lines that the stream had, and that did not reach the log, are in the stream again. */
  | {
      readonly type: 'resent'
      readonly from: number
      readonly to: number
      readonly lines: number
      readonly bytes: number
    }
  | { readonly type: 'resend_failed'; readonly error: unknown }

export interface ShipperOptions {
  readonly journal: Journal
  /**
   * Resolves when the batch is stored for good, and rejects within bounded time if not. The same
   * lines may come again after a failure or a restart.
   */
  readonly store: (batch: Uint8Array) => Promise<void>
  /** At least JOURNAL_LINE_BYTES_MAX; JOURNAL_BATCH_BYTES_MAX by default. */
  readonly batchBytesMax?: number
  /**
   * Control lines that a message has to have before its records; at most what the stream's
   * `maxMessageBytes` leaves beside a batch.
   */
  readonly controlsOf?: (batch: Batch) => readonly string[]
  /**
   * The pause behind a batch of less than half the size, in which the next one grows; the first
   * lines after a quiet time never wait. DEFAULT_LINGER_MS by default.
   */
  readonly lingerMs?: number
  readonly onEvent: (event: ShipEvent) => void
  /** Ends shipping as soon as the batch in flight is settled. */
  readonly signal: AbortSignal
}

export interface Shipper {
  /** Resolves when the signal ended it. */
  readonly done: Promise<void>
  position(): { readonly shipped: number; readonly durable: number }
  /** Ships without pauses; resolves with whether a record is shipped before the time has passed. */
  stored(n: number, timeoutMs: number): Promise<boolean>
  /** Ships without pauses; resolves with whether all lines that are durable now are shipped. */
  drain(timeoutMs: number): Promise<boolean>
}

/** Stores the lines of a journal elsewhere, in order, one batch at a time, until it is told to end. */
export function shipJournal(options: ShipperOptions): Shipper {
  const { batchBytesMax = JOURNAL_BATCH_BYTES_MAX } = options
  assert(batchBytesMax >= JOURNAL_LINE_BYTES_MAX, `batchBytesMax is below a line's bound`)
  return new JournalShipper(options, batchBytesMax)
}

class JournalShipper implements Shipper {
  readonly done: Promise<void>
  readonly #options: ShipperOptions
  readonly #batchBytesMax: number
  readonly #drains = new Set<() => void>()
  readonly #waits = new ShippedWaits()
  /** The last line that is stored, and marked and released where the disk lets us. */
  #shipped: number
  #endPause: (() => void) | undefined
  #hasEnded: boolean = false

  constructor(options: ShipperOptions, batchBytesMax: number) {
    this.#options = options
    this.#batchBytesMax = batchBytesMax
    this.#shipped = options.journal.shipped
    this.done = this.#run()
  }

  position(): { shipped: number; durable: number } {
    return { shipped: this.#shipped, durable: this.#options.journal.lastDurable }
  }

  async stored(n: number, timeoutMs: number): Promise<boolean> {
    if (this.#shipped >= n) return true
    if (this.#hasEnded) return false
    const stored = this.#waits.wait(n, timeoutMs)
    this.#endPause?.()
    return await stored
  }

  async drain(timeoutMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const { durable } = this.position()
    const settle = (): void => {
      if (this.#shipped >= durable) resolve(true)
      else if (this.#hasEnded) resolve(false)
    }
    const deadline = setTimeout(() => resolve(false), timeoutMs)
    this.#drains.add(settle)
    this.#endPause?.()
    settle()
    const drained = await promise
    clearTimeout(deadline)
    this.#drains.delete(settle)
    return drained
  }

  async #run(): Promise<void> {
    const { journal, signal, lingerMs = DEFAULT_LINGER_MS } = this.#options
    await using reader = journal.reader()
    try {
      while (!signal.aborted) {
        await journal.durableBehind(this.#shipped, signal)
        const batch = await this.#untilDone('read', () => reader.next(this.#batchBytesMax))
        if (!batch || !(await this.#ship(batch))) continue
        const isSmall = batch.bytes.length < this.#batchBytesMax / 2
        const isAwaited = this.#drains.size > 0 || this.#waits.any
        if (isSmall && !isAwaited) await this.#pause(lingerMs)
      }
    } finally {
      this.#hasEnded = true
      for (const settle of this.#drains) settle()
      this.#waits.end()
    }
  }

  /** Whether the batch is stored; it is not if the signal came before. */
  async #ship(batch: Batch): Promise<boolean> {
    const { controlsOf, journal, store, onEvent } = this.#options
    const { bytes, lines, lastN, lastHash } = batch
    const message = journal.sealer.message(batch, controlsOf?.(batch))
    const stored = await this.#untilDone('store', async () => {
      await store(message)
      return true
    })
    if (!stored) return false
    try {
      await journal.markShipped({ n: lastN, hash: lastHash })
      await journal.sealer.stored(journal.covered)
      await journal.release()
    } catch (error) {
      onEvent({ type: 'release_failed', error })
    }
    this.#shipped = lastN
    onEvent({ type: 'shipped', lines, bytes: bytes.length, n: lastN })
    for (const settle of this.#drains) settle()
    this.#waits.shipped(lastN)
    return true
  }

  /** Tries until it succeeds; undefined if the signal comes before. */
  async #untilDone<T>(step: 'read' | 'store', work: () => Promise<T>): Promise<T | undefined> {
    const { signal, onEvent } = this.#options
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        return await work()
      } catch (error) {
        const delayMs = retryDelayMs(attempt)
        onEvent({ type: 'retry', step, attempt, delayMs, error })
        await this.#pause(delayMs)
      }
    }
    return undefined
  }

  /** A wait that the signal ends, or a drain. */
  async #pause(durationMs: number): Promise<void> {
    const { signal } = this.#options
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const end = (): void => resolve()
    const timer = setTimeout(end, durationMs)
    signal.addEventListener('abort', end)
    this.#endPause = end
    await promise
    this.#endPause = undefined
    signal.removeEventListener('abort', end)
    clearTimeout(timer)
  }
}

/** Half of the delay is random, so that decision points do not come back all at once. */
function retryDelayMs(attempt: number): number {
  const delayMs = Math.min(RETRY_DELAY_MS_MIN * 2 ** (attempt - 1), RETRY_DELAY_MS_MAX)
  return Math.round(delayMs * (0.5 + Math.random() / 2))
}
