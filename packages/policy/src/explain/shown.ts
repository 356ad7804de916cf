import { quoted } from '../go/quote.ts'
import { isArray, isNumber, isObject, isSet, textOf, type Value } from '../value/value.ts'

/** A value is shown by so many characters of its text, however large it is. */
const TEXT_CHARS_MAX = 200

/** A value as Rego writes it; of one that is wide, the beginning. */
export function shownText(value: Value): string {
  const text = textUpTo(value, TEXT_CHARS_MAX)
  return text.length > TEXT_CHARS_MAX
    ? `${text.slice(0, TEXT_CHARS_MAX - 1).toWellFormed()}…`
    : text
}

/** The text, or more than so many characters of it. */
function textUpTo(value: Value, chars: number): string {
  if (typeof value === 'string') return quoted(value.slice(0, chars + 1).toWellFormed())
  if (isNumber(value)) return textOf(value).slice(0, chars + 1)
  if (isArray(value)) return listed('[', ']', value, chars)
  if (isSet(value)) return value.size === 0 ? 'set()' : listed('{', '}', value, chars)
  if (!isObject(value)) return String(value)
  let text = '{'
  for (const [key, held] of value) {
    if (text.length > chars) return text
    if (text.length > 1) text += ', '
    text += `${textUpTo(key, Math.max(0, chars - text.length))}: `
    text += textUpTo(held, Math.max(0, chars - text.length))
  }
  return `${text}}`
}

function listed(begin: string, end: string, members: Iterable<Value>, chars: number): string {
  let text = begin
  for (const member of members) {
    if (text.length > chars) return text
    if (text.length > 1) text += ', '
    text += textUpTo(member, Math.max(0, chars - text.length))
  }
  return text + end
}
