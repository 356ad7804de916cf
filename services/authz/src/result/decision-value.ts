import { AuthzError, AuthzErrorCode } from '../errors.ts'

/** An object of a policy's decision. */
export type Decided = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Decided {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The module gives keys in the order of a hash table; answers to one question are alike. */
export function sortedEntries(value: Decided): [string, unknown][] {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
}

/**
 * An array of texts; undefined where the key is not there.
 * @throws {AuthzError} `decision_invalid`
 */
export function readTexts(decision: Decided, key: string, what: string): readonly string[] {
  const value = decision[key]
  if (value === undefined) return NO_TEXTS
  if (!Array.isArray(value)) throw invalid(what, mismatch(key, '[]string', value))
  for (const text of value) {
    if (typeof text !== 'string') throw invalid(what, mismatch(`${key} value`, 'string', text))
  }
  return value as string[]
}

const NO_TEXTS: readonly string[] = []

/** In the words of opa-envoy-plugin, which its users look for. */
export function mismatch(what: string, expected: string, value: unknown): string {
  const found = `to be of type '${expected}' but got '${goType(value)}'`
  return `type assertion error, expected ${what} ${found}`
}

/** Go's name of the type, which the users of opa-envoy-plugin know from its messages. */
export function goType(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'number') return 'json.Number'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : 'map[string]interface {}'
}

export function invalid(what: string, why: string): AuthzError {
  return new AuthzError(AuthzErrorCode.decisionInvalid, `failed to get ${what}: ${why}`)
}
