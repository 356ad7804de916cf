import { JOURNAL_LINE_BYTES_MAX } from '@verdict/contract'
import { JournalError, JournalErrorCode } from './errors.ts'
import type { SegmentLog } from './segment-log.ts'
import type { ShippedMark } from './shipped-mark.ts'

/** What may wait for the disk; an append beyond it is refused as `overloaded`. */
export const WAITING_BYTES_MAX = 8 * 1024 * 1024
/** From this part of `bytesMax` on a journal is nearly full. */
export const NEARLY_FULL = 0.8

/** How full a journal is. */
export interface Fill {
  readonly bytes: number
  readonly bytesMax: number
  readonly isNearlyFull: boolean
}

export interface JournalRoomParts {
  readonly dir: string
  readonly bytesMax: number
  readonly log: SegmentLog
  readonly mark: ShippedMark
  readonly onFill: ((fill: Fill) => void) | undefined
}

/** The room of a journal: whether there is any, and how it comes back. */
export class JournalRoom {
  readonly #parts: JournalRoomParts
  #covered = 0
  #isNearlyFull: boolean = false
  #releasing: Promise<void> = Promise.resolve()

  constructor(parts: JournalRoomParts) {
    this.#parts = parts
    this.look()
  }

  /** The `n` of the last record that a checkpoint of the log covers, as far as it was told. */
  get covered(): number {
    return this.#covered
  }

  get fill(): Fill {
    const { log, bytesMax } = this.#parts
    const { bytes } = log
    // A small one is full before, for there has to be room for the longest line.
    const bound = Math.min(NEARLY_FULL * bytesMax, bytesMax - JOURNAL_LINE_BYTES_MAX)
    return { bytes, bytesMax, isNearlyFull: bytes >= bound }
  }

  /** Why no further record is taken, where so much waits for the disk. */
  refusal(pendingBytes: number): JournalError | undefined {
    const { dir, bytesMax, log } = this.#parts
    if (log.bytes + pendingBytes + JOURNAL_LINE_BYTES_MAX > bytesMax) {
      return new JournalError(
        JournalErrorCode.full,
        `journal \`${dir}\` holds ${log.bytes} of ${bytesMax} bytes: see why no checkpoint of ` +
          'the log covers them, or allow it more',
      )
    }
    if (pendingBytes + JOURNAL_LINE_BYTES_MAX > WAITING_BYTES_MAX) {
      return new JournalError(
        JournalErrorCode.overloaded,
        `${pendingBytes} bytes wait for the disk of journal \`${dir}\`: spread the load or use a ` +
          'faster disk',
      )
    }
    return undefined
  }

  /** Tells when the journal becomes nearly full, and when it is no more. */
  look(): void {
    const { fill } = this
    if (fill.isNearlyFull === this.#isNearlyFull) return
    this.#isNearlyFull = fill.isNearlyFull
    this.#parts.onFill?.(fill)
  }

  /** A checkpoint of the log covers all records up to `n`. */
  async cover(n: number): Promise<void> {
    if (n <= this.#covered) return
    this.#covered = n
    await this.release()
  }

  /**
   * Deletes the segments that hold nothing behind what is covered; what is not shipped stays in
   * any case.
   */
  async release(): Promise<void> {
    this.#releasing = this.#releasing.catch(() => undefined).then(() => this.#release())
    await this.#releasing
  }

  /** Resolves when nothing is being deleted any more. */
  async idle(): Promise<void> {
    await this.#releasing.catch(() => undefined)
  }

  async #release(): Promise<void> {
    const { log, mark } = this.#parts
    const bound = Math.min(this.#covered, mark.position?.n ?? 0)
    if (!log.canRelease(bound)) return
    // With an older mark, the lines up to the first segment that is left would seem to be lost.
    await mark.sync()
    await log.release(bound)
    this.look()
  }
}
