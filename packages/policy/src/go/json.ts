import { objectOf } from '../value/compare.ts'
import { isArray, isNumber, isObject, isSet, textOf, type Value } from '../value/value.ts'

/** What Go's `encoding/json` escapes beyond what JSON asks for, so that HTML may hold it. */
const HTML_ESCAPES: ReadonlyMap<string, string> = new Map(
  ['<', '>', '&', '\u2028', '\u2029'].map((character) => [character, escaped(character)]),
)

/**
 * A value as OPA hands it to what knows JSON alone: sets are arrays, and keys that are no strings
 * are texts of their JSON.
 */
export function jsonValue(value: Value): Value {
  if (isArray(value)) return value.map(jsonValue)
  if (isSet(value)) return [...value].map(jsonValue)
  if (!isObject(value)) return value
  return objectOf(
    [...value].map(([key, held]) => [
      typeof key === 'string' ? key : goJson(jsonValue(key)),
      jsonValue(held),
    ]),
  )
}

export interface Indent {
  readonly prefix: string
  readonly indent: string
}

/** A `jsonValue` as Go's `encoding/json` writes it; on lines of its own for an indent. */
export function goJson(value: Value, indent?: Indent, depth = 0): string {
  if (typeof value === 'string') return goJsonString(value)
  if (isNumber(value)) return textOf(value)
  const inner = (held: Value) => goJson(held, indent, depth + 1)
  if (isArray(value)) return enclosed('[', value.map(inner), ']', indent, depth)
  if (!isObject(value)) return String(value)
  const colon = indent === undefined ? ':' : ': '
  const entries = [...value].map(
    ([key, held]) => `${goJsonString(String(key))}${colon}${inner(held)}`,
  )
  return enclosed('{', entries, '}', indent, depth)
}

export function goJsonString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => HTML_ESCAPES.get(character) ?? character,
  )
}

function enclosed(
  open: string,
  items: readonly string[],
  close: string,
  indent: Indent | undefined,
  depth: number,
): string {
  if (indent === undefined || items.length === 0) return `${open}${items.join(',')}${close}`
  const line = (level: number) => `\n${indent.prefix}${indent.indent.repeat(level)}`
  return `${open}${line(depth + 1)}${items.join(`,${line(depth + 1)}`)}${line(depth)}${close}`
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
