import type { TileLog } from './tile-log.ts'

/** A leaf is in a checkpoint at the latest this long after it is durable. */
export const CHECKPOINT_MS = 500
/** A receipt waits this long for its checkpoint; a log that is not written to has one already. */
export const COVER_MS_MAX = 2_000

export interface PublisherOptions {
  readonly log: TileLog
  /** Default: CHECKPOINT_MS. */
  readonly checkpointMs?: number
  readonly onPublished: (published: { size: number; seconds: number }) => void
  /** The log can't be written any more. */
  readonly onFailed: (error: unknown) => void
}

/** Makes checkpoints while there is something new, and tells those who wait for one. */
export class Publisher implements Disposable {
  readonly #options: PublisherOptions
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Something is durable and in no checkpoint yet. */
  staged(): void {
    const { checkpointMs = CHECKPOINT_MS } = this.#options
    this.#timer ??= setTimeout(() => this.#due(), checkpointMs)
  }

  /** @throws {AuditError} `lock_lost`, `log_failed` */
  publish(): void {
    const { log, onPublished } = this.#options
    this.#stopTimer()
    const startedAt = performance.now()
    if (log.publish()) {
      const seconds = (performance.now() - startedAt) / 1000
      onPublished({ size: log.published.size, seconds })
    }
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  /** Waits until a checkpoint covers a leaf; false when that took longer than COVER_MS_MAX. */
  async covers(leaf: number): Promise<boolean> {
    const { log } = this.#options
    const endAt = performance.now() + COVER_MS_MAX
    while (log.published.size <= leaf) {
      const leftMs = endAt - performance.now()
      if (leftMs <= 0) return false
      await this.#next(leftMs)
    }
    return true
  }

  [Symbol.dispose](): void {
    this.#stopTimer()
  }

  #due(): void {
    this.#timer = undefined
    try {
      this.publish()
    } catch (error) {
      this.#options.onFailed(error)
    }
  }

  async #next(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    this.#waiting.add(resolve)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(resolve)
    }
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
