/**
 * The built-in by which a module tells that a labelled rule holds: `verdict_held(number, value)` is
 * the value. A policy that uses this name is not labelled.
 */
export const HELD = 'verdict_held'
/** Of more rules that held, the first of the policy are told. */
export const LABELS_HELD_MAX = 16

/** How OPA declares it. */
const DECLARATION = {
  name: HELD,
  decl: {
    type: 'function',
    args: [{ type: 'number' }, { type: 'any' }],
    result: { type: 'any' },
  },
} as const

/** The capabilities that `opa capabilities` prints, with this built-in. */
export function withHeld(capabilities: string): string {
  const { builtins, ...others } = JSON.parse(capabilities) as { builtins: readonly unknown[] }
  return JSON.stringify({ ...others, builtins: [...builtins, DECLARATION] })
}

const NONE: readonly string[] = Object.freeze([])
/** Numbers in the memory of a module: what they are, and how they are kept. */
const OPA_NUMBER = 3
const NUMBER = { kind: 1, integer: 8, text: 8, length: 12 }
const KIND = { integer: 1, text: 2 }
const DIGITS_MAX = 10
const ZERO = 48

/** The labels of the rules that hold in one evaluation. */
export class HeldLabels {
  readonly #names: readonly string[]
  readonly #memory: DataView
  /** By their place in the table; each once. */
  readonly #held = new Set<number>()

  constructor(names: readonly string[], memory: DataView) {
    this.#names = names
    this.#memory = memory
  }

  clear(): void {
    this.#held.clear()
  }

  /** Hears of the label whose number is at an address: no text, no value is made of it. */
  hear(address: number): void {
    const number = this.#numberAt(address)
    // Of a module that is not ours it may be any: there is no name for it then.
    if (number >= 0 && number < this.#names.length) this.#held.add(number)
  }

  /** The names, in the order of the table. */
  list(): readonly string[] {
    if (this.#held.size === 0) return NONE
    const numbers = [...this.#held].sort((a, b) => a - b).slice(0, LABELS_HELD_MAX)
    return Object.freeze(numbers.map((number) => this.#names[number] as string))
  }

  /** A whole number, which a module keeps as one or as its digits; not a number for any other. */
  #numberAt(address: number): number {
    const memory = this.#memory
    if (memory.getUint8(address) !== OPA_NUMBER) return Number.NaN
    const kind = memory.getUint8(address + NUMBER.kind)
    if (kind === KIND.integer) return Number(memory.getBigInt64(address + NUMBER.integer, true))
    const length = memory.getUint32(address + NUMBER.length, true)
    if (kind !== KIND.text || length > DIGITS_MAX) return Number.NaN
    const digits = memory.getUint32(address + NUMBER.text, true)
    let number = 0
    for (let at = 0; at < length; at++) {
      const digit = memory.getUint8(digits + at) - ZERO
      if (digit < 0 || digit > 9) return Number.NaN
      number = number * 10 + digit
    }
    return number
  }
}
