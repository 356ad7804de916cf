/** What tells a service that stands by to take over from one that hangs. */
export const TAKE_OVER_SIGNAL = 'SIGUSR2'

/** Waits for orders of the operator to take over, given by a signal to this very process. */
export class TakeOverOrders implements Disposable {
  #order = new AbortController()
  readonly #onSignal = (): void => this.#order.abort()

  constructor() {
    process.on(TAKE_OVER_SIGNAL, this.#onSignal)
  }

  /** True as soon as there is an order, false after this time or when the service is stopped. */
  async next(waitMs: number, stopping: AbortSignal): Promise<boolean> {
    const order = this.#order.signal
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, waitMs)
    const signal = AbortSignal.any([order, stopping])
    signal.addEventListener('abort', () => resolve(), { once: true })
    if (!signal.aborted) await promise
    clearTimeout(timer)
    if (!order.aborted) return false
    this.#order = new AbortController()
    return true
  }

  [Symbol.dispose](): void {
    process.off(TAKE_OVER_SIGNAL, this.#onSignal)
  }
}
