import { type EvaluateOptions, RunningEvaluation } from '../evaluation.ts'
import { evaluationFault, unknownEntrypoint } from '../faults.ts'
import { isObject, type Value } from '../value/value.ts'
import type { Observer, Running } from './frame.ts'
import { Interpreter } from './interpreter.ts'
import type { Program } from './program.ts'

/** What one interpretation may cost, in statements and what built-ins make: some seconds. */
export const INTERPRETED_UNITS_MAX = 20_000_000

/** The result of an entrypoint is in a set, under this key. */
const RESULT = 'result'

export interface Interpretation {
  readonly entrypoint: string
  readonly input: Value | undefined
  readonly data: Value
  readonly options?: EvaluateOptions
  readonly observer?: Observer
  /** What it may cost, and then what is left of that; default `INTERPRETED_UNITS_MAX`. */
  readonly fuel?: { value: number }
}

/**
 * What a plan answers: what the module of the same policies does. It is slow, and tells an observer
 * each step; no decision comes from it.
 * @throws {PolicyError} where the module has no answer either
 */
export function interpret(
  program: Program,
  { entrypoint, input, data, options = {}, observer, ...more }: Interpretation,
): Value | undefined {
  const blocks = program.entrypoints.get(entrypoint)
  if (blocks === undefined) throw unknownEntrypoint(entrypoint, [...program.entrypoints.keys()])
  const { fuel = { value: options.unitsMax ?? INTERPRETED_UNITS_MAX } } = more
  const evaluation = new RunningEvaluation(fuel, options)
  const spend = (cost: number): void => evaluation.spend(cost)
  const running: Running = { program, evaluation, spend, results: [] }
  try {
    new Interpreter(running, observer).run(blocks, input, data)
  } catch (cause) {
    throw evaluationFault(entrypoint, cause, false)
  }
  const [first] = running.results
  return first !== undefined && isObject(first) ? first.get(RESULT) : undefined
}
