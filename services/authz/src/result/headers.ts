import {
  type Decided,
  goType,
  invalid,
  isObject,
  mismatch,
  sortedEntries,
} from './decision-value.ts'
import { type HeaderPlace, requireAction, requireHeader } from './header-rules.ts'
import { APPEND_ACTIONS, type AppendAction, type HeaderChange } from './policy-result.ts'

const NONE: readonly HeaderChange[] = []

/**
 * Reads `headers` or `response_headers_to_add`: an object or an array of objects; each value a
 * text, an array of texts, or an object of `value` and `append_action`.
 * @throws {AuthzError} `decision_invalid`
 */
export function readHeaders(
  value: unknown,
  place: HeaderPlace,
  what: string,
): readonly HeaderChange[] {
  if (value === undefined) return NONE
  const changes: HeaderChange[] = []
  for (const headers of Array.isArray(value) ? value : [value]) {
    if (!isObject(headers)) throw invalid(what, mismatch('headers', 'object', headers))
    for (const [name, given] of sortedEntries(headers)) {
      const { values, action } = readGiven(name, given, what)
      if (action !== undefined) requireAction(name, action, { place, values: values.length, what })
      for (const text of values) {
        if (typeof text !== 'string') {
          throw invalid(what, `invalid value type ${goType(text)} for header '${name}'`)
        }
        requireHeader(name, text, place, what)
        changes.push(changeOf(name, text, action))
      }
    }
  }
  requireOneAction(changes, what)
  return changes
}

interface Given {
  readonly values: readonly unknown[]
  readonly action: AppendAction | undefined
}

function readGiven(name: string, given: unknown, what: string): Given {
  if (!isObject(given)) return { values: readValues(name, given, what), action: undefined }
  for (const key of Object.keys(given)) {
    if (key === 'value' || key === 'append_action') continue
    throw invalid(
      what,
      `header '${name}' has \`${key}\`, where only \`value\` and \`append_action\` can be`,
    )
  }
  return { values: readValues(name, given['value'], what), action: readAction(name, given, what) }
}

function readValues(name: string, values: unknown, what: string): readonly unknown[] {
  if (Array.isArray(values)) return values
  if (typeof values === 'string') return [values]
  throw invalid(what, `type assertion error for header '${name}'`)
}

function readAction(name: string, given: Decided, what: string): AppendAction | undefined {
  const action = given['append_action']
  if (action === undefined) return undefined
  if (APPEND_ACTIONS.includes(action as AppendAction)) return action as AppendAction
  const known = APPEND_ACTIONS.join(', ')
  throw invalid(what, `header '${name}' has an append_action that is none of ${known}`)
}

/** The whitespace around a value is not of it (RFC 9110, 5.5), and HTTP/2 refuses it. */
function changeOf(name: string, text: string, action: AppendAction | undefined): HeaderChange {
  const value = AROUND.test(text) ? text.replaceAll(AROUND_ALL, '') : text
  return action === undefined ? [name, value] : [name, value, action]
}

const AROUND = /^[ \t]|[ \t]$/
const AROUND_ALL = /^[ \t]+|[ \t]+$/g

/** One header of an array of objects may come again, and then it must be with the same action. */
function requireOneAction(changes: readonly HeaderChange[], what: string): void {
  if (changes.every(([, , action]) => action === undefined)) return
  const actions = new Map<string, AppendAction | undefined>()
  for (const [name, , action] of changes) {
    const key = name.toLowerCase()
    if (actions.has(key) && actions.get(key) !== action) {
      throw invalid(what, `header '${name}' has several append actions`)
    }
    actions.set(key, action)
  }
}
