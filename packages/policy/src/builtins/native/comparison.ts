import { compare } from '../../value/compare.ts'
import type { Value } from '../../value/value.ts'
import type { Builtin, Builtins } from '../builtin.ts'
import { sizeOf } from './size.ts'

/** Of values of all types, in Rego's order. */
export const comparisonBuiltins: Builtins = {
  equal: comparison((order) => order === 0),
  neq: comparison((order) => order !== 0),
  lt: comparison((order) => order < 0),
  lte: comparison((order) => order <= 0),
  gt: comparison((order) => order > 0),
  gte: comparison((order) => order >= 0),
}

function comparison(holds: (order: number) => boolean): Builtin {
  return (evaluation, a, b) => {
    evaluation.spend(Math.min(sizeOf(a), sizeOf(b)))
    return holds(compare(a as Value, b as Value))
  }
}
