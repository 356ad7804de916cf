import type { Evaluation } from './builtins/builtin.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import type { Inquiry } from './fetch/inquiry.ts'
import type { Question, Reply } from './fetch/question.ts'
import { objectOf } from './value/compare.ts'
import type { Value } from './value/value.ts'

/**
 * What an evaluation may cost by default, in units: a call or a turn of a loop of the module is
 * one, a byte or an element that a built-in reads or makes is one. It is a number rather than a
 * time, so that an evaluation ends at the same place wherever it is repeated; a unit takes 2–5 ns,
 * so that this is about 50 ms.
 */
export const DEFAULT_UNITS_MAX = 15_000_000
/** Lines that one evaluation may print; what comes later is dropped. */
export const PRINTED_LINES_MAX = 1_000
const NS_PER_MS = 1_000_000n

export interface EvaluateOptions {
  /** Default `DEFAULT_UNITS_MAX`; at most 2^31 - 1. */
  readonly unitsMax?: number
  /** What `time.now_ns` gives, such as the time of the decision that is repeated; default: now. */
  readonly nowNs?: bigint
  /** What `opa.runtime` gives; default `{}`. */
  readonly runtime?: Value
  /** Takes the lines of `print` and `trace`, up to `PRINTED_LINES_MAX`; default: dropped. */
  readonly print?: (line: string) => void
  /** Answers what is asked of other services; see `FetchingPolicy`, which gives it. */
  readonly inquiry?: Inquiry
}

/** The evaluation has spent what it may cost. */
export class BudgetSpent extends Error {
  override readonly name = 'BudgetSpent'
}

const NO_RUNTIME: Value = objectOf([])

/** One evaluation, as its built-ins see it. */
export class RunningEvaluation implements Evaluation {
  readonly #fuel: WebAssembly.Global
  readonly #options: EvaluateOptions
  #nowNs: bigint | undefined
  #made: Map<string, Value> | undefined
  #printed = 0

  /** `fuel` is what is left, of which the module takes its part. */
  constructor(fuel: WebAssembly.Global, options: EvaluateOptions) {
    this.#fuel = fuel
    this.#options = options
  }

  get nowNs(): bigint {
    this.#nowNs ??= this.#options.nowNs ?? BigInt(Date.now()) * NS_PER_MS
    return this.#nowNs
  }

  get runtime(): Value {
    return this.#options.runtime ?? NO_RUNTIME
  }

  spend(units: number): void {
    const left = this.#fuel.value - Math.ceil(units)
    // A number without an end, or one beyond 32 bits, would not be what the global then holds.
    this.#fuel.value = left >= 0 ? left : -1
    if (!(left >= 0)) throw new BudgetSpent('the budget is spent')
  }

  once(key: string, make: () => Value): Value {
    this.#made ??= this.#options.inquiry?.made ?? new Map()
    const made = this.#made.get(key) ?? make()
    this.#made.set(key, made)
    return made
  }

  ask(question: Question): Reply {
    if (this.#options.inquiry !== undefined) return this.#options.inquiry.ask(question)
    throw new PolicyError(
      PolicyErrorCode.fetchNotAwaited,
      'the rule asks other services, and is asked itself by who does not wait for them',
    )
  }

  print(line: string): void {
    if (this.#options.print === undefined || this.#printed++ >= PRINTED_LINES_MAX) return
    this.#options.print(line)
  }
}
