import { GONE } from './fault.ts'
import type { Caller } from './request.ts'

/** What a decision may take where nothing else is said. */
export const DECISION_TIMEOUT_MS = 2_000
/** How late a wait may end that nothing else ends. */
export const SWEEP_MS = 50

/** A caller, and the time until which an answer is of use to it. */
export class Waiter implements Caller {
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number
  readonly #caller: Caller

  /** A decision may not take longer than until `latestMs`, whatever the caller would wait. */
  constructor(caller: Caller, latestMs: number) {
    this.#caller = caller
    const { deadlineMs = latestMs } = caller
    this.deadlineMs = Math.min(deadlineMs, latestMs)
  }

  /** By the clock, not by a timer: while the event loop is blocked no timer fires. */
  get gone(): boolean {
    return this.#caller.gone || performance.now() >= this.deadlineMs
  }
}

interface Wait {
  readonly deadlineMs: number
  readonly end: () => void
}

/**
 * Ends waits whose deadline passed, so that a silent authn or a hung disk holds no caller. One
 * timer looks after all: almost every decision is done before it is due.
 */
export class Deadlines {
  readonly #waits = new Set<Wait>()
  #timer: NodeJS.Timeout | undefined

  /**
   * What the work gives, or at the deadline a rejection; the work goes on then, for nobody.
   * @throws {AuthzError} `deadline_exceeded`, as a rejection
   */
  bound<T>({ deadlineMs }: Waiter, work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const wait: Wait = { deadlineMs, end: () => reject(GONE) }
    this.#waits.add(wait)
    this.#timer ??= setInterval(this.#sweep, SWEEP_MS).unref()
    work.then(
      (value) => {
        this.#waits.delete(wait)
        resolve(value)
      },
      (thrown: unknown) => {
        this.#waits.delete(wait)
        reject(thrown)
      },
    )
    return promise
  }

  readonly #sweep = (): void => {
    const nowMs = performance.now()
    for (const wait of this.#waits) {
      if (wait.deadlineMs > nowMs) continue
      this.#waits.delete(wait)
      wait.end()
    }
    if (this.#waits.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
