import {
  type Decided,
  goType,
  invalid,
  isObject,
  readTexts,
  sortedEntries,
} from './decision-value.ts'
import type { HeaderPair } from './policy-result.ts'

/** Reads `query_parameters_to_set`. @throws {AuthzError} `decision_invalid` */
export function readQuery(value: unknown): readonly HeaderPair[] {
  const what = 'request query parameters to set'
  if (value === undefined) return NONE
  if (!isObject(value)) {
    const found = `expected query_parameters_to_set to be a map but got '${goType(value)}'`
    throw invalid(what, `type assertion error, ${found}`)
  }
  const pairs: HeaderPair[] = []
  for (const [name, values] of sortedEntries(value)) {
    if (typeof values !== 'string' && !Array.isArray(values)) {
      const found = `expected value to be string or array but got '${goType(values)}'`
      throw invalid(what, `type assertion error, ${found}`)
    }
    for (const text of Array.isArray(values) ? values : [values]) {
      if (typeof text !== 'string') {
        const found = `expected array element to be string but got '${goType(text)}'`
        throw invalid(what, `type assertion error: ${found}`)
      }
      requireEscaped(name, text, what)
      pairs.push([name, text])
    }
  }
  return pairs
}

/**
 * Reads `query_parameters_to_remove`: Envoy compares them with the names as they stand.
 * @throws {AuthzError} `decision_invalid`
 */
export function readUnset(decision: Decided): readonly string[] {
  const what = 'request query parameters to remove'
  const names = readTexts(decision, 'query_parameters_to_remove', what)
  for (const name of names) {
    if (/\p{Cc}/u.test(name))
      throw invalid(what, `parameter ${quoted(name)} has control characters`)
  }
  return names
}

const NONE: readonly HeaderPair[] = []

/**
 * Envoy puts both into the path as they stand: a space, a `#` or a control character breaks the
 * request, and a `&` adds a parameter that the policy did not name. What RFC 3986 has for a query
 * passes, save that, and the brackets that many use.
 */
const VALUE = /^(?:[\w\-.~!$'()*+,;=:@/?[\]]|%[0-9a-fA-F]{2})*$/
/** A `=` would end the name. */
const NAME = /^(?:[\w\-.~!$'()*+,;:@/?[\]]|%[0-9a-fA-F]{2})+$/

function requireEscaped(name: string, value: string, what: string): void {
  if (NAME.test(name) && VALUE.test(value)) return
  const how = 'has characters that must be escaped: use `urlquery.encode`'
  throw invalid(what, `parameter ${quoted(name)} ${how}`)
}

/** Control characters show. */
function quoted(name: string): string {
  return JSON.stringify(name)
}
