import { regoText } from '../value/rego-text.ts'
import { isSet, type Value } from '../value/value.ts'
import type { Builtins, Evaluation } from './builtin.ts'
import { arrayOf, stringOf } from './operands.ts'

/** What looks at the evaluation itself, or speaks to whoever runs it. */
export const evaluationBuiltins: Builtins = {
  'opa.runtime': (evaluation) => evaluation.runtime,
  trace: (evaluation, note) => {
    evaluation.print(stringOf(note))
    return true
  },
  'internal.print': (evaluation, operands) => {
    printAll(evaluation, arrayOf(operands), [])
    return true
  },
}

/** Prints a line for each way to choose one value of each operand, which are sets of them. */
function printAll(evaluation: Evaluation, rest: readonly Value[], chosen: readonly string[]): void {
  const [operand, ...others] = rest
  if (operand === undefined) {
    evaluation.spend(chosen.length + 1)
    evaluation.print(chosen.join(' '))
    return
  }
  const values = isSet(operand) ? [...operand].map(shown) : [shown(operand)]
  for (const value of values.length === 0 ? ['<undefined>'] : values) {
    printAll(evaluation, others, [...chosen, value])
  }
}

function shown(value: Value): string {
  return typeof value === 'string' ? value : regoText(value)
}
