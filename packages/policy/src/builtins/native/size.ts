import { isArray, isObject, isSet, type Value } from '../../value/value.ts'

/** How much of a value is read to compare it: its characters or its members, not what is in them. */
export function sizeOf(value: Value | undefined): number {
  if (typeof value === 'string') return value.length
  if (value === undefined || value === null || typeof value !== 'object') return 1
  if (isArray(value)) return value.length
  return isObject(value) || isSet(value) ? value.size : 1
}
