/** Readers of the stream at one time; the next one is refused with 429. */
export const STREAMS_MAX = 64

/** Wakes the readers of the stream when something was appended. They read the log themselves. */
export class Feed {
  readonly #waiting = new Set<() => void>()
  #open = 0

  /** How many readers there are. */
  get open(): number {
    return this.#open
  }

  /** Takes one of the STREAMS_MAX places; undefined when all are taken. */
  enter(): Disposable | undefined {
    if (this.#open >= STREAMS_MAX) return undefined
    this.#open++
    return { [Symbol.dispose]: () => this.#open-- }
  }

  /** Something was appended. */
  wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  /** Waits for the next `wake`; false when it did not come in time or the reader has left. */
  async next({ timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }): Promise<boolean> {
    if (signal.aborted) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const wake = (): void => resolve(true)
    const giveUp = (): void => resolve(false)
    const timer = setTimeout(giveUp, timeoutMs)
    signal.addEventListener('abort', giveUp, { once: true })
    this.#waiting.add(wake)
    try {
      return await promise
    } finally {
      this.#waiting.delete(wake)
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
    }
  }
}
