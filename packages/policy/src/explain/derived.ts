import { isArray, isNumber, isObject, isSet, type Value } from '../value/value.ts'
import { below, type Origin } from './origin.ts'
import type { Given, Witnessed } from './provenance.ts'
import { ANYTHING, type Wants } from './wants.ts'

/** An array of the input is made longer by so many at most. */
const LENGTH_MAX = 16

/** Where the result of a built-in comes from, for those that can be undone. */
export function derivedOrigin({ name, operands }: Given): Origin | undefined {
  const [first, second] = operands
  const origin = first?.origin
  if (origin === undefined) return undefined
  switch (name) {
    case 'lower':
    case 'upper':
    case 'trim_space':
      return { ...origin, put: (wanted) => putBack(origin, wanted) }
    case 'split': {
      const by = second?.value
      if (typeof by !== 'string') return undefined
      return { ...origin, put: (wanted) => putBack(origin, joined(wanted, by)) }
    }
    case 'object.get': {
      const keys = second?.value
      if (keys === undefined) return undefined
      if (!isArray(keys)) return below(origin, keys, first?.value)
      return keys.reduce<Origin | undefined>((at, key) => at && below(at, key), origin)
    }
    default:
      return undefined
  }
}

/** The number of an array's members: another number would be another array. */
export function lengthOrigin({ value, origin }: Witnessed): Origin | undefined {
  if (origin === undefined || value === undefined || !isArray(value)) return undefined
  return {
    ...origin,
    put: (wanted) => {
      if (typeof wanted !== 'number' || wanted < 0 || wanted > LENGTH_MAX) return undefined
      const added = Array.from({ length: wanted - value.length }, () => ANYTHING)
      return putBack(origin, [...value.slice(0, wanted), ...added])
    },
  }
}

/** What would make a built-in that is asked as a condition answer otherwise. */
export function tellWants(
  wants: Wants,
  { name, operands }: Given,
  answer: Value | undefined,
  feedsOf: (collection: Witnessed) => readonly Origin[],
): void {
  const [a, b] = operands
  if (a === undefined) return
  switch (name) {
    case 'internal.member_2':
      if (b === undefined) return
      if (answer === true) {
        wants.differ(a)
        return
      }
      for (const feed of feedsOf(b)) wants.contain(feed, a.value)
      wants.beOneOf(a.origin, heldBy(b.value))
      return
    case 'gt':
    case 'lt':
    case 'gte':
    case 'lte':
    case 'neq':
    case 'equal':
      if (answer === (name === 'equal')) wants.differ(a)
      wants.be(a.origin, b && beyond(name, b.value, 1))
      wants.be(b?.origin, beyond(name, a.value, -1))
      return
    case 'startswith':
    case 'endswith':
    case 'contains':
      if (answer === true) wants.differ(a)
      wants.be(a.origin, b?.value)
      return
    case 'is_array':
      if (a.value === undefined || !isArray(a.value)) wants.be(a.origin, [])
      return
    case 'is_object':
      if (a.value === undefined || !isObject(a.value)) wants.be(a.origin, new Map())
      return
    default:
  }
}

/** The nearest value for which a comparison holds. */
function beyond(name: string, value: Value | undefined, sign: 1 | -1): Value | undefined {
  if (value === undefined || !(name === 'gt' || name === 'lt')) return value
  if (!isNumber(value) || typeof value !== 'number') return undefined
  return name === 'gt' ? value + sign : value - sign
}

function putBack(origin: Origin, value: Value | undefined): Value | undefined {
  if (value === undefined) return undefined
  return origin.put === undefined ? value : origin.put(value)
}

function joined(parts: Value, by: string): Value | undefined {
  if (!isArray(parts) || !parts.every((part) => typeof part === 'string')) return undefined
  return parts.join(by)
}

function heldBy(collection: Value | undefined): Iterable<Value> {
  if (collection === undefined) return []
  if (isArray(collection) || isSet(collection)) return collection
  return isObject(collection) ? collection.values() : []
}
