import { hash } from 'node:crypto'

const HEX_DIGITS = 12
const RANGE = 16 ** HEX_DIGITS

/** Choices that a seed repeats: the same seed makes the same ones in the same order. */
export class Random {
  readonly #seed: string
  #drawn = 0

  constructor(seed: string) {
    this.#seed = seed
  }

  /** From 0 up to 1. */
  next(): number {
    const digits = hash('sha256', `${this.#seed}/${this.#drawn++}`, 'hex').slice(0, HEX_DIGITS)
    return Number.parseInt(digits, 16) / RANGE
  }

  /** A whole number, both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  /** True in this share of all cases. */
  chance(share: number): boolean {
    return this.next() < share
  }

  pick<const T>(of: readonly [T, ...T[]]): T {
    return of[this.between(0, of.length - 1)] ?? of[0]
  }

  /** The same in another order. */
  shuffled<T>(of: readonly T[]): T[] {
    const placed = of.map((each) => ({ each, place: this.next() }))
    return placed.sort((a, b) => a.place - b.place).map(({ each }) => each)
  }
}
