import type { Question, Reply } from '../fetch/question.ts'
import type { Value } from '../value/value.ts'

/**
 * A built-in function that the module asks its host for. It may throw a BuiltinError, which makes
 * the expression undefined, as in OPA outside of strict mode.
 */
export type Builtin = (evaluation: Evaluation, ...operands: Value[]) => Value

/** Built-ins by their names in Rego. */
export type Builtins = Readonly<Record<string, Builtin>>

/** What is the same for the whole of one evaluation. */
export interface Evaluation {
  /** Nanoseconds since 1970, the same at each asking. */
  readonly nowNs: bigint
  /**
   * Takes from what the evaluation may cost, by about one unit for each byte or element that is
   * read or made. Whatever can grow beyond its operands must say so before it does.
   * @throws what ends the evaluation, once the budget is spent
   */
  spend(units: number): void
  /** Makes something once for each evaluation, such as a random number that has a name. */
  once(key: string, make: () => Value): Value
  /** What `opa.runtime()` gives. */
  readonly runtime: Value
  /** What another service answers. @throws {BuiltinError} while that is not known */
  ask(question: Question): Reply
  /** Takes a line of `print` or `trace`. */
  print(line: string): void
}

/** A built-in has no value for its operands: the expression is undefined. */
export class BuiltinError extends Error {
  override readonly name = 'BuiltinError'
}
