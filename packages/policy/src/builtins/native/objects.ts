import { equal, hasMember, setOf, valueAt } from '../../value/compare.ts'
import {
  isArray,
  isObject,
  isSet,
  type RegoArray,
  type RegoObject,
  type Value,
} from '../../value/value.ts'
import type { Builtins, Evaluation } from '../builtin.ts'
import { arrayOf, membersOf, objectOperand } from '../operands.ts'
import { elementAt } from './arrays.ts'
import { sizeOf } from './size.ts'
import { grouped, partition } from './sorted.ts'

/** What an entry that is put into an object costs. */
const UNITS_PER_ENTRY = 16

export const nativeObjectBuiltins: Builtins = {
  'object.get': (evaluation, object, path, otherwise) => {
    const keys = path !== undefined && isArray(path) ? path : [path as Value]
    let found: Value | undefined = objectOperand(object)
    for (const key of keys) {
      evaluation.spend(typeof key === 'string' ? 1 : sizeOf(found))
      found = found === undefined ? undefined : memberAt(found, key)
    }
    return found === undefined ? (otherwise as Value) : found
  },
  'object.keys': (evaluation, object) => {
    evaluation.spend(objectOperand(object).size)
    return new Set(objectOperand(object).keys())
  },
  'object.filter': (evaluation, object, keys) =>
    only(objectOperand(object), chosen(evaluation, object, keys).shared),
  'object.remove': (evaluation, object, keys) =>
    only(objectOperand(object), chosen(evaluation, object, keys).own),
  'object.union': (evaluation, a, b) => {
    const [left, right] = [objectOperand(a), objectOperand(b)]
    return equal(left, right) ? left : united(evaluation, [left, right])
  },
  'object.union_n': (evaluation, objects) =>
    united(evaluation, arrayOf(objects).map(objectOperand)),
}

function memberAt(value: Value, key: Value): Value | undefined {
  if (isObject(value)) return valueAt(value, key)
  if (isArray(value)) return elementAt(value, key)
  return isSet(value) && hasMember(value, key) ? key : undefined
}

/** Which keys of an object are among those that are named, and which are not. */
function chosen(
  evaluation: Evaluation,
  object: Value | undefined,
  keys: Value | undefined,
): ReturnType<typeof partition> {
  evaluation.spend((sizeOf(object) + sizeOf(keys)) * UNITS_PER_ENTRY)
  const named = keys !== undefined && isObject(keys) ? keys.keys() : setOf(membersOf(keys))
  return partition(objectOperand(object).keys(), named)
}

function only(object: RegoObject, keys: RegoArray): RegoObject {
  return new Map(keys.map((key) => [key, object.get(key) as Value]))
}

/** Objects under the same key become one; of other values the last one counts. */
function united(evaluation: Evaluation, objects: readonly RegoObject[]): RegoObject {
  const entries = objects.flatMap((object) => {
    evaluation.spend(object.size * UNITS_PER_ENTRY)
    return [...object]
  })
  return new Map(grouped(entries).map(([key, held]) => [key, winner(evaluation, held)]))
}

function winner(evaluation: Evaluation, values: RegoArray): Value {
  const others = values.findLastIndex((value) => !isObject(value))
  const objects = values.slice(others + 1).filter(isObject)
  if (objects.length > 1) return united(evaluation, objects)
  return values.at(-1) as Value
}
