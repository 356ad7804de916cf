import { objectOf } from '../value/compare.ts'
import { isArray, isNumber, isObject, numberOf, type Value } from '../value/value.ts'

/** A text of JSON, numbers by their digits; nothing where it is none. */
export function readJson(text: string): Value | undefined {
  try {
    return JSON.parse(text, revived) as Value
  } catch {
    return undefined
  }
}

/** Whether a text is JSON, however deep it nests. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Makes a value of what JSON.parse found, whose members are values by then. */
function revived(
  this: unknown,
  _key: string,
  found: unknown,
  context?: { source?: string },
): Value {
  if (typeof found === 'string') return found.toWellFormed()
  if (typeof found === 'number') return numberOf(context?.source ?? String(found))
  if (found === null || typeof found === 'boolean') return found
  const value = found as Value
  if (isArray(value) || isObject(value) || isNumber(value)) return value
  const entries = Object.entries(found as Record<string, Value>)
  return objectOf(entries.map(([key, held]) => [key.toWellFormed(), held] as const))
}
