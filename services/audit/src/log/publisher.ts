import type { WitnessedShards } from '../witnesses/witnessed-shards.ts'
import type { SignedHead } from './recovery.ts'

/** A leaf is in a checkpoint at the latest this long after it is durable. */
export const CHECKPOINT_MS = 500
/** A receipt waits this long for its checkpoint; a log that is not written to has one already. */
export const COVER_MS_MAX = 2_000
/** How often a writer that has nothing to write looks whether it still is the writer. */
const HELD_MS = 1_000

/** A log as it is published. */
export interface PublishedLog {
  readonly published: SignedHead
  /** False where there is nothing new. @throws {AuditError} `lock_lost`, `log_failed` */
  publish(): boolean
  /** @throws {AuditError} `lock_lost` */
  verifyHeld(): void
}

export interface PublisherOptions {
  readonly log: PublishedLog
  /** Those whose cosignatures a checkpoint needs before it is shown; default: none. */
  readonly witnesses?: WitnessedShards | undefined
  /** Default: CHECKPOINT_MS. */
  readonly checkpointMs?: number
  /** Default: COVER_MS_MAX. */
  readonly coverMs?: number
  readonly onPublished: (published: { size: number; seconds: number }) => void
  /** The log can't be written any more. */
  readonly onFailed: (error: unknown) => void
}

/** Makes checkpoints while there is something new, and tells those who wait for one. */
export class Publisher implements Disposable {
  readonly #options: PublisherOptions
  readonly #waiting = new Set<() => void>()
  readonly #heldTimer: NodeJS.Timeout
  #timer: NodeJS.Timeout | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#heldTimer = setInterval(() => {
      this.#guarded(() => options.log.verifyHeld())
    }, HELD_MS)
  }

  /** Something is durable and in no checkpoint yet. */
  staged(): void {
    const { checkpointMs = CHECKPOINT_MS } = this.#options
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#guarded(() => this.publish())
    }, checkpointMs)
  }

  /** @throws {AuditError} `lock_lost`, `log_failed` */
  publish(): void {
    const { log, onPublished, witnesses } = this.#options
    this.#stopTimer()
    const startedAt = performance.now()
    if (log.publish()) {
      const seconds = (performance.now() - startedAt) / 1000
      onPublished({ size: log.published.size, seconds })
    }
    witnesses?.offer()
    this.wake()
  }

  /** The checkpoint of a log that readers are shown: with a policy, one that meets it. */
  shown(log: { readonly published: SignedHead }): SignedHead | undefined {
    const { witnesses } = this.#options
    return witnesses === undefined ? log.published : witnesses.newest(log.published.origin)
  }

  /**
   * The checkpoint to be shown, as soon as it covers a leaf; undefined when that took longer than
   * COVER_MS_MAX.
   */
  async covering(
    leaf: number,
    log: { readonly published: SignedHead } = this.#options.log,
  ): Promise<SignedHead | undefined> {
    const endAt = performance.now() + (this.#options.coverMs ?? COVER_MS_MAX)
    for (;;) {
      const shown = this.shown(log)
      if (shown !== undefined && shown.size > leaf) return shown
      const leftMs = endAt - performance.now()
      if (leftMs <= 0) return undefined
      await this.#next(leftMs)
    }
  }

  /** There may be another checkpoint to be shown. */
  wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  [Symbol.dispose](): void {
    this.#stopTimer()
    clearInterval(this.#heldTimer)
    this.#options.witnesses?.[Symbol.dispose]()
  }

  #guarded(work: () => void): void {
    try {
      work()
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
