import type { RunningEvaluation } from '../evaluation.ts'

/** What it costs to compare two keys and to note one, in units. */
const UNITS_PER_KEY = 16

/** The functions of a module that it takes. */
export interface KeyFunctions {
  /** The next key of an object, or member of a set, in no order; 0 at the end. */
  verdict_next?(value: number, previous: number): number
  verdict_compare?(one: number, other: number): number
}

/** Goes through objects and sets of a module in the order of OPA, which is that of the keys. */
export class OrderedKeys {
  readonly #functions: KeyFunctions
  /** The key behind each, by the address of the value; behind 0 is the first. */
  readonly #orders = new Map<number, ReadonlyMap<number, number>>()

  constructor(functions: KeyFunctions) {
    this.#functions = functions
  }

  /** What comes behind the previous key, or first where that is 0; 0 at the end. */
  next(value: number, previous: number, evaluation: Pick<RunningEvaluation, 'spend'>): number {
    let order = this.#orders.get(value)
    if (order === undefined) {
      order = this.#order(value, evaluation)
      this.#orders.set(value, order)
    }
    return order.get(previous) ?? 0
  }

  /** Addresses mean nothing beyond one evaluation. */
  clear(): void {
    if (this.#orders.size > 0) this.#orders.clear()
  }

  #order(value: number, evaluation: Pick<RunningEvaluation, 'spend'>): Map<number, number> {
    const { verdict_next: next, verdict_compare: compare } = this.#functions
    const keys: number[] = []
    for (let key = next?.(value, 0) ?? 0; key !== 0; key = next?.(value, key) ?? 0) keys.push(key)
    evaluation.spend(keys.length * UNITS_PER_KEY * Math.ceil(Math.log2(keys.length + 2)))
    keys.sort((one, other) => compare?.(one, other) ?? 0)
    const order = new Map<number, number>()
    let previous = 0
    for (const key of keys) {
      order.set(previous, key)
      previous = key
    }
    return order
  }
}
