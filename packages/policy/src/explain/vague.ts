import { equal } from '../value/compare.ts'
import { isArray, isObject, type Value } from '../value/value.ts'
import { lookUp } from './statements.ts'
import { ANYTHING, type Want } from './wants.ts'

/** Whether a value is there to be filled in. */
export function isVague(value: Value | undefined): boolean {
  if (value === undefined) return false
  if (value === ANYTHING) return true
  if (isArray(value)) return value.length === 0 || value.some(isVague)
  return isObject(value) && (value.size === 0 || [...value.values()].some(isVague))
}

/** Whether a change says what there should be, to the last. */
export function isBetter(want: Want | undefined): boolean {
  return want?.value !== undefined && !isVague(want.value)
}

/** Whether a value says all that another one said, and not less: what is known stays. */
export function isMore(before: Value | undefined, after: Value): boolean {
  if (before === undefined || before === ANYTHING) return after !== ANYTHING
  if (isObject(before) && isObject(after)) {
    const kept = [...before].every(([key, value]) => {
      const now = lookUp(after, key)
      return now !== undefined && (equal(value, now) || isMore(value, now))
    })
    return kept && !equal(before, after)
  }
  if (isArray(before) && isArray(after)) {
    return (
      !equal(before, after) &&
      before.every((value, at) => {
        const now = after[at]
        return now !== undefined && (equal(value, now) || isMore(value, now))
      })
    )
  }
  return false
}
