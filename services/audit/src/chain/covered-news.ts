import { COVERED_INTERVAL_MS, type Covered } from '@verdict/contract'
import type { Coverage, LogHead } from './coverage.ts'

/** How long a journal waits at most to be told, once a checkpoint covers more of it. */
const LOOK_MS = 500

export interface CoveredNewsParts {
  readonly coverage: Coverage
  /** The checkpoint that readers are shown; undefined while there is none. */
  readonly shown: () => LogHead | undefined
  readonly tell: (covered: Covered) => void
}

/** Tells the decision points how far their journals are covered: what is new, and all at times. */
export class CoveredNews implements Disposable {
  readonly #parts: CoveredNewsParts
  readonly #looking: NodeJS.Timeout
  readonly #repeating: NodeJS.Timeout

  constructor(parts: CoveredNewsParts) {
    this.#parts = parts
    this.#looking = setInterval(() => this.look(), LOOK_MS)
    this.#repeating = setInterval(() => {
      for (const covered of parts.coverage.all()) parts.tell(covered)
    }, COVERED_INTERVAL_MS)
    this.look()
  }

  look(): void {
    const { coverage, shown, tell } = this.#parts
    for (const covered of coverage.shown(shown())) tell(covered)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking)
    clearInterval(this.#repeating)
  }
}
