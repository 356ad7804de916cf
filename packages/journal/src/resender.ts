import { COVERED_INTERVAL_MS, JOURNAL_BATCH_BYTES_MAX } from '@verdict/contract'
import type { Journal } from './journal.ts'
import { linesBetween } from './segment-reader.ts'
import type { ShipperOptions } from './shipper.ts'

/**
 * Lines that are shipped, and that the log does not come to cover in this time, although it says
 * how far it is, may be lost.
 */
export const RESEND_AFTER_MS = 30_000
/** Each further time at the same place comes after twice the time, up to this. */
export const RESEND_AFTER_MS_MAX = 600_000
/** Whoever says nothing for longer is away, and is given time to come along when it is back. */
const TOLD_MS_MAX = 2 * COVERED_INTERVAL_MS
/** So much is sent again at once; what follows when the log has it, so that none is buried. */
export const RESEND_BYTES_MAX = 4 * 1024 * 1024

export interface ResenderOptions
  extends Pick<ShipperOptions, 'batchBytesMax' | 'onEvent' | 'signal' | 'store'> {
  readonly journal: Journal
  /** Control lines that a message has to have before these lines, when they come again. */
  readonly controlsOf?: (lines: Uint8Array) => Promise<readonly string[]>
  /** Default: RESEND_AFTER_MS. */
  readonly afterMs?: number
  /** In ms; default `performance.now`. */
  readonly now?: () => number
}

/**
 * Sends lines again that the stream has acknowledged and that never reach the log: a stream can
 * lose what it had. The journal has them until the log covers them, and readers know them by `n`.
 */
export class Resender implements AsyncDisposable {
  readonly #options: ResenderOptions
  readonly #afterMs: number
  readonly #now: () => number
  /** The last line that the log covers, as it was told last, and when that was. */
  #covered = -1
  #toldAt = Number.NEGATIVE_INFINITY
  /** Since when the log has stood there without lines that were shipped by then. */
  #since = 0
  #shippedThen = 0
  #waitMs: number
  /** The last line that was sent again, and the last one that may be lost. */
  #sentTo = 0
  #lostTo = 0
  #sending: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: ResenderOptions) {
    const { afterMs = RESEND_AFTER_MS, now = () => performance.now() } = options
    this.#options = options
    this.#afterMs = afterMs
    this.#waitMs = afterMs
    this.#now = now
  }

  /**
   * The log was said to cover all lines of this epoch up to `n`; whoever says it does so again and
   * again.
   */
  told({ epoch, n }: { readonly epoch: number; readonly n: number }): void {
    if (epoch !== this.#options.journal.epoch) return
    const now = this.#now()
    const wasAway = now - this.#toldAt > TOLD_MS_MAX
    const isMoved = n !== this.#covered
    this.#toldAt = now
    this.#covered = n
    if (isMoved) this.#waitMs = this.#afterMs
    if (isMoved || wasAway || this.#shippedThen <= n) {
      this.#since = now
      this.#shippedThen = this.#options.journal.shipped
    }
    if (isMoved && n >= this.#sentTo && n < this.#lostTo) this.#send()
    this.#look()
  }

  /** Waits for the message that is under way; abort the signal before. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    await this.#sending
  }

  /** Sends if it is time to, and looks again when it may be. */
  #look(): void {
    clearTimeout(this.#timer)
    if (this.#shippedThen <= this.#covered || this.#options.signal.aborted) return
    const now = this.#now()
    if (now - this.#toldAt > TOLD_MS_MAX) return
    if (now - this.#since >= this.#waitMs) {
      this.#since = now
      this.#waitMs = Math.min(2 * this.#waitMs, RESEND_AFTER_MS_MAX)
      this.#lostTo = this.#options.journal.shipped
      this.#send()
    }
    const dueMs = Math.ceil(this.#since + this.#waitMs - now)
    this.#timer = setTimeout(() => this.#look(), dueMs).unref()
  }

  #send(): void {
    this.#sending ??= this.#sendWindow(this.#covered + 1, this.#lostTo)
      .catch((error: unknown) => this.#options.onEvent({ type: 'resend_failed', error }))
      .finally(() => {
        this.#sending = undefined
      })
  }

  /** No line beyond `to`, which is shipped: what is not may come to be sealed by another key. */
  async #sendWindow(from: number, to: number): Promise<void> {
    const { journal, onEvent, signal, store, controlsOf } = this.#options
    const { batchBytesMax = JOURNAL_BATCH_BYTES_MAX } = this.#options
    await using reader = journal.readerFrom(from)
    let [bytes, lines] = [0, 0]
    while (bytes < RESEND_BYTES_MAX && !signal.aborted) {
      const read = await reader?.next(batchBytesMax)
      if (read === undefined) break
      // It begins where the segment does.
      const batch = linesBetween(read, from, to)
      if (batch !== undefined) {
        const controls = await controlsOf?.(batch.bytes)
        await store(journal.sealer.message(batch, controls, true))
        this.#sentTo = batch.lastN
        bytes += batch.bytes.length
        lines += batch.lines
      }
      if (read.lastN >= to) break
    }
    if (lines > 0) onEvent({ type: 'resent', from, to: this.#sentTo, lines, bytes })
  }
}
