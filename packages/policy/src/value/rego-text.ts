import { quoted } from '../go/quote.ts'
import { isArray, isNumber, isObject, isSet, textOf, type Value } from './value.ts'

/** A value as Rego writes it, which is also how `sprintf` and `print` show it. */
export function regoText(value: Value): string {
  if (typeof value === 'string') return quoted(value)
  if (isNumber(value)) return textOf(value)
  if (isArray(value)) return `[${value.map(regoText).join(', ')}]`
  if (isSet(value)) return value.size === 0 ? 'set()' : `{${[...value].map(regoText).join(', ')}}`
  if (!isObject(value)) return String(value)
  const entries = [...value].map(([key, held]) => `${regoText(key)}: ${regoText(held)}`)
  return `{${entries.join(', ')}}`
}
