import { objectOf, setOf, valueAt } from '../../value/compare.ts'
import { isArray, isObject, isSet, type RegoObject, type Value } from '../../value/value.ts'
import type { Builtins, Evaluation } from '../builtin.ts'
import { keysOf } from '../json.ts'
import { membersOf, objectOperand } from '../operands.ts'
import { grouped } from './sorted.ts'

/** What a step of a path, or a member of what the paths lead through, costs. */
const UNITS_PER_STEP = 16

export const jsonPathBuiltins: Builtins = {
  'json.filter': (evaluation, object, paths) =>
    kept(evaluation, objectOperand(object), stepsOf(evaluation, paths)),
  'json.remove': (evaluation, object, paths) =>
    left(evaluation, objectOperand(object), stepsOf(evaluation, paths)),
}

/** The paths as an object: under each key the steps from there on, or null where a path ends. */
function stepsOf(evaluation: Evaluation, paths: Value | undefined): RegoObject {
  const split = membersOf(paths).map(keysOf)
  for (const path of split) evaluation.spend((path.length + 1) * UNITS_PER_STEP)
  return stepsFrom(split, 0)
}

function stepsFrom(paths: readonly (readonly Value[])[], depth: number): RegoObject {
  const entries = paths.flatMap((path) => {
    const key = path[depth]
    return key === undefined ? [] : [[key, path] as const]
  })
  return new Map(
    grouped(entries).map(([key, through]) => {
      const ends = through.some((path) => path.length === depth + 1)
      return [key, ends ? null : stepsFrom(through, depth + 1)]
    }),
  )
}

/** The parts of a value that paths lead to. */
function kept(evaluation: Evaluation, value: Value, steps: Value): Value {
  if (!isObject(steps)) return value
  if (isArray(value)) {
    evaluation.spend(value.length * UNITS_PER_STEP)
    return value.flatMap((element, at) => {
      const next = steps.get(String(at))
      return next === undefined ? [] : [kept(evaluation, element, next)]
    })
  }
  if (isSet(value)) {
    const members = [...value].flatMap((member) => {
      const next = stepAt(evaluation, steps, member)
      return next === undefined ? [] : [kept(evaluation, member, next)]
    })
    return setOf(members)
  }
  if (!isObject(value)) return value
  return objectOf(
    [...value].flatMap(([key, held]) => {
      const next = stepAt(evaluation, steps, key)
      return next === undefined ? [] : [[key, kept(evaluation, held, next)] as const]
    }),
  )
}

/** A value without the parts that paths lead to. */
function left(evaluation: Evaluation, value: Value, steps: RegoObject): Value {
  const rest = (held: Value, next: Value | undefined): Value[] => {
    if (next === null) return []
    return [next !== undefined && isObject(next) ? left(evaluation, held, next) : held]
  }
  if (isArray(value)) {
    evaluation.spend(value.length * UNITS_PER_STEP)
    return value.flatMap((element, at) => rest(element, steps.get(String(at))))
  }
  if (isSet(value)) {
    return setOf([...value].flatMap((held) => rest(held, stepAt(evaluation, steps, held))))
  }
  if (!isObject(value)) return value
  return objectOf(
    [...value].flatMap(([key, held]) =>
      rest(held, stepAt(evaluation, steps, key)).map((made) => [key, made] as const),
    ),
  )
}

function stepAt(evaluation: Evaluation, steps: RegoObject, key: Value): Value | undefined {
  evaluation.spend(typeof key === 'string' ? UNITS_PER_STEP : UNITS_PER_STEP + steps.size)
  return valueAt(steps, key)
}
