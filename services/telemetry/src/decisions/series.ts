/** Different values of one label; the ones that come later are `other`. */
export const LABEL_VALUES_MAX = 500
/** Different sets of labels; the ones that come later are `other` in each label. */
export const SERIES_MAX = 5_000
/** A longer value is cut, so that a thousand of them stay small. */
export const LABEL_CHARS_MAX = 200
/** What stands for all values beyond a bound. */
export const OTHER = 'other'

/** The labels of a decision, from outside and so without a bound of their own. */
export interface DecisionLabels {
  readonly reason: string
  readonly source: string
  readonly destination: string
}

export interface SeriesOptions {
  /** Default: LABEL_VALUES_MAX. */
  readonly labelValuesMax?: number
  /** Default: SERIES_MAX. */
  readonly seriesMax?: number
}

/**
 * Keeps the number of time series bounded, whatever callers send. The first values stay for the
 * life of the process, so that a series never changes its meaning.
 */
export class Series {
  readonly #labelValuesMax: number
  readonly #seriesMax: number
  readonly #values = {
    reason: new Set<string>(),
    source: new Set<string>(),
    destination: new Set<string>(),
  }
  readonly #sets = new Set<string>()

  constructor(options: SeriesOptions = {}) {
    this.#labelValuesMax = options.labelValuesMax ?? LABEL_VALUES_MAX
    this.#seriesMax = options.seriesMax ?? SERIES_MAX
  }

  /** The labels to count under. */
  bound(outcome: string, labels: DecisionLabels): DecisionLabels {
    const bounded = {
      reason: this.#value('reason', labels.reason),
      source: this.#value('source', labels.source),
      destination: this.#value('destination', labels.destination),
    }
    const key = JSON.stringify([outcome, bounded])
    if (this.#sets.has(key)) return bounded
    if (this.#sets.size >= this.#seriesMax) {
      return { reason: OTHER, source: OTHER, destination: OTHER }
    }
    this.#sets.add(key)
    return bounded
  }

  #value(label: keyof DecisionLabels, text: string): string {
    const value = text.length > LABEL_CHARS_MAX ? `${text.slice(0, LABEL_CHARS_MAX - 1)}…` : text
    const values = this.#values[label]
    if (values.has(value)) return value
    if (values.size >= this.#labelValuesMax) return OTHER
    values.add(value)
    return value
  }
}
