interface Wait {
  readonly n: number
  readonly settle: (isShipped: boolean) => void
}

/** Who waits until records are stored elsewhere, in the order of the records. */
export class ShippedWaits {
  /** In order: who comes later waits for a later record. */
  readonly #waits: Wait[] = []

  get any(): boolean {
    return this.#waits.length > 0
  }

  /** Whether the record is shipped before the time has passed. */
  async wait(n: number, timeoutMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const wait = { n, settle: resolve }
    const timer = setTimeout(() => {
      this.#waits.splice(this.#waits.indexOf(wait), 1)
      resolve(false)
    }, timeoutMs)
    const at = this.#waits.findLastIndex((other) => other.n <= n)
    this.#waits.splice(at + 1, 0, wait)
    const isShipped = await promise
    clearTimeout(timer)
    return isShipped
  }

  /** All records up to `n` are shipped. */
  shipped(n: number): void {
    const behind = this.#waits.findIndex((wait) => wait.n > n)
    const done = this.#waits.splice(0, behind === -1 ? this.#waits.length : behind)
    for (const { settle } of done) settle(true)
  }

  /** Nothing is shipped any more. */
  end(): void {
    for (const { settle } of this.#waits.splice(0)) settle(false)
  }
}
