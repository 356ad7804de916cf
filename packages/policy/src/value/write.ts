import { isArray, isNumber, isObject, isSet, textOf, type Value } from './value.ts'

/**
 * Writes a value as OPA's modules read it (`opa_value_parse`); what `readValue` reads. Half of a
 * surrogate pair becomes U+FFFD, as OPA has it: a module would end there.
 */
export function writeValue(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed())
  if (isNumber(value)) return textOf(value)
  if (isArray(value)) return `[${value.map(writeValue).join(',')}]`
  if (isObject(value)) return `{${Array.from(value, writeEntry).join(',')}}`
  if (!isSet(value)) return String(value)
  return value.size === 0 ? 'set()' : `{${Array.from(value, writeValue).join(',')}}`
}

function writeEntry([key, value]: readonly [Value, Value]): string {
  return `${writeValue(key)}:${writeValue(value)}`
}

/**
 * Writes a value as OPA gives it out in JSON: sets as arrays, keys that are no strings as texts of
 * their JSON.
 */
export function writeJson(value: Value): string {
  if (isArray(value)) return `[${value.map(writeJson).join(',')}]`
  if (isSet(value)) return `[${Array.from(value, writeJson).join(',')}]`
  if (isObject(value)) return `{${Array.from(value, writeJsonEntry).join(',')}}`
  return writeValue(value)
}

function writeJsonEntry([key, value]: readonly [Value, Value]): string {
  const name = writeJson(key)
  return `${typeof key === 'string' ? name : JSON.stringify(name)}:${writeJson(value)}`
}
