import type { Advisory } from '@verdict/bus'

/** Advisories that are written down in ADVISORY_WINDOW_MS; more are counted, and the count is. */
export const ADVISORIES_MAX = 64
export const ADVISORY_WINDOW_MS = 10_000

export interface AdvisoryLogOptions {
  /** Puts one on the record. @throws where the log can't be written now */
  readonly write: (advisory: Readonly<Record<string, unknown>>) => void
  readonly onAdvisory: (told: { recorded: boolean; advisory: Advisory }) => void
  /** Default: ADVISORY_WINDOW_MS. */
  readonly windowMs?: number
}

/** What the servers say, on the record; whoever makes them say much can't fill the log with it. */
export class AdvisoryLog implements Disposable {
  readonly #options: AdvisoryLogOptions
  #written = 0
  #leftOut = 0
  #since = ''
  #timer: NodeJS.Timeout | undefined

  constructor(options: AdvisoryLogOptions) {
    this.#options = options
  }

  take(advisory: Advisory): void {
    const { onAdvisory, windowMs = ADVISORY_WINDOW_MS } = this.#options
    this.#timer ??= setTimeout(() => this.#end(), windowMs)
    const recorded = this.#written < ADVISORIES_MAX && this.#write({ ...advisory })
    if (recorded) this.#written++
    else this.#leave()
    onAdvisory({ recorded, advisory })
  }

  /** What was left out is on the record when this returns, if the log can be written. */
  [Symbol.dispose](): void {
    this.#end()
    clearTimeout(this.#timer)
  }

  #leave(): void {
    if (this.#leftOut++ === 0) this.#since = new Date().toISOString()
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#written = 0
    if (this.#leftOut === 0) return
    const until = new Date().toISOString()
    const count = this.#leftOut
    if (this.#write({ type: 'left_out', count, since: this.#since, until })) this.#leftOut = 0
    // It is tried again: the count goes on.
    else this.#timer = setTimeout(() => this.#end(), ADVISORY_WINDOW_MS)
  }

  #write(body: Readonly<Record<string, unknown>>): boolean {
    try {
      this.#options.write(body)
      return true
    } catch {
      // The log has told its own fault, to those who act on it.
      return false
    }
  }
}
