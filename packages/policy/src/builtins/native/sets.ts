import { setOf } from '../../value/compare.ts'
import { isSet, type RegoSet, type Value } from '../../value/value.ts'
import type { Builtins, Evaluation } from '../builtin.ts'
import { wrongType } from '../operands.ts'
import { partition } from './sorted.ts'

export const setBuiltins: Builtins = {
  and: (evaluation, a, b) => common(evaluation, setOperand(a), setOperand(b)),
  or: (evaluation, a, b) => joined(evaluation, [setOperand(a), setOperand(b)]),
  set_diff: (evaluation, a, b) => difference(evaluation, setOperand(a), setOperand(b)),
  intersection: (evaluation, sets) => {
    const [first, ...others] = [...setOperand(sets)].map(setOperand)
    return others.reduce((shared, other) => common(evaluation, shared, other), first ?? new Set())
  },
  union: (evaluation, sets) => joined(evaluation, [...setOperand(sets)].map(setOperand)),
}

export function difference(evaluation: Evaluation, a: RegoSet, b: RegoSet): RegoSet {
  evaluation.spend(a.size + b.size)
  return new Set(partition(a, b).own)
}

/** Of two that are the same and written otherwise, such as 1 and 1.0, the smaller set's is kept. */
function common(evaluation: Evaluation, a: RegoSet, b: RegoSet): RegoSet {
  evaluation.spend(a.size + b.size)
  return new Set((b.size < a.size ? partition(b, a) : partition(a, b)).shared)
}

function joined(evaluation: Evaluation, sets: readonly RegoSet[]): RegoSet {
  const members = sets.flatMap((set) => {
    evaluation.spend(set.size)
    return [...set]
  })
  return setOf(members)
}

function setOperand(value: Value | undefined): RegoSet {
  if (value !== undefined && isSet(value)) return value
  throw wrongType(value, 'a set')
}
