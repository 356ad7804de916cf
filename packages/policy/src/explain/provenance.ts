import type { Local, Operand } from '../plan/plan.ts'
import type { Value } from '../value/value.ts'
import { type Frame, read } from './frame.ts'
import { MadeValues } from './made-values.ts'
import { below, type Origin } from './origin.ts'
import type { Program } from './program.ts'

/** Collections that one function has gone through; of more, the first are kept. */
const SCANNED_MAX = 64

/** A value, where it comes from, and what gave it. */
export interface Witnessed {
  readonly value: Value | undefined
  readonly origin?: Origin
  readonly given?: Given
}

/** A call of a built-in. */
export interface Given {
  readonly name: string
  readonly operands: readonly Witnessed[]
}

/** What is known of the locals of a frame. */
interface Known {
  readonly origins: (Origin | undefined)[]
  readonly given: (Given | undefined)[]
  /** Collections that were gone through, from which sets are made. */
  readonly scanned: Origin[]
}

/** Where the values of locals come from. */
export class Provenance {
  readonly #program: Program
  readonly #known = new WeakMap<Frame, Known>()
  readonly #made = new MadeValues()

  constructor(program: Program) {
    this.#program = program
  }

  of(frame: Frame, operand: Operand | Local): Witnessed {
    const wrapped =
      typeof operand === 'number' ? ({ type: 'local', value: operand } as const) : operand
    const value = read({ program: this.#program }, frame, wrapped)
    if (wrapped.type !== 'local') return { value }
    const { origins, given } = this.#of(frame)
    const [origin, gave] = [origins[wrapped.value], given[wrapped.value]]
    return { value, ...(origin && { origin }), ...(gave && { given: gave }) }
  }

  /** Says where the value of a local comes from. */
  gives(
    frame: Frame,
    local: Local,
    { origin, given }: { origin?: Origin | undefined; given?: Given | undefined },
  ): void {
    const known = this.#of(frame)
    known.origins[local] = origin
    known.given[local] = given
  }

  /** The place of a key in a value. */
  below(frame: Frame, source: Operand | Local, key: Value | undefined): Origin | undefined {
    const { value, origin } = this.of(frame, source)
    if (key === undefined) return undefined
    return this.#made.memberOrigin(value, key) ?? (origin && below(origin, key, value))
  }

  /** Says that a collection, which the policy makes, has a value at a key or as a member. */
  holds(frame: Frame, made: Value | undefined, key: Value | undefined, value: Operand): void {
    this.#made.holds(made, key, this.of(frame, value).origin)
  }

  /** Says that a function goes through a collection. */
  scans(frame: Frame, origin: Origin): void {
    const { scanned } = this.#of(frame)
    if (scanned.length < SCANNED_MAX) scanned.push(origin)
  }

  /** Says that a function has made a value. */
  makes(frame: Frame, value: Value | undefined): void {
    this.#made.fed(value, this.#of(frame).scanned)
  }

  /** The collections of the input that a set's members come from, or would. */
  feedsOf(frame: Frame, { value, origin }: Witnessed): readonly Origin[] {
    if (origin !== undefined) return [origin]
    return this.#made.feedsOf(value) ?? this.#of(frame).scanned
  }

  #of(frame: Frame): Known {
    let known = this.#known.get(frame)
    if (known === undefined) {
      const documents: Origin[] = [
        { document: 'input', path: [] },
        { document: 'data', path: [] },
      ]
      known = { origins: frame.func === undefined ? documents : [], given: [], scanned: [] }
      this.#known.set(frame, known)
    }
    return known
  }
}
