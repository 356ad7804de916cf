import { AuthzError, AuthzErrorCode } from './errors.ts'

/** What the policy's decision asks the caller to do, in a form that every protocol can carry. */
export interface PolicyResult {
  readonly allowed: boolean
  /** Whether the policy gave an object; a boolean leaves the form of the answer to the caller. */
  readonly detailed: boolean
  /** Allowed: for the upstream. Denied: for the client. */
  readonly headers: readonly HeaderPair[]
  /** For the client, when allowed. */
  readonly responseHeaders: readonly HeaderPair[]
  readonly headersToRemove: readonly string[]
  readonly queryToSet: readonly HeaderPair[]
  readonly queryToRemove: readonly string[]
  /** Allowed: 200. */
  readonly status: number
  readonly body: string | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly reason: string
}

export type HeaderPair = readonly [name: string, value: string]

/** The reasons of a policy that gives none. */
export const DEFAULT_REASON = { allowed: 'allowed', denied: 'denied' } as const

const STATUS_DENIED = 403
const STATUS_ALLOWED = 200
const STATUS_UNREADABLE = 400

/** What Envoy and Go both know: another status would not reach the client. */
export const KNOWN_STATUS: ReadonlySet<number> = new Set([
  100, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308,
  400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421,
  422, 423, 424, 426, 428, 429, 431, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
])

/**
 * Reads a decision by opa-envoy-plugin's contract: a boolean, or an object with `allowed` and what
 * else it asks for. As there, what does not apply is not looked at, such as the body of an allowed
 * request; what is read must be of its type, or there is no decision.
 * @throws {AuthzError} `decision_undefined` | `decision_invalid`
 */
export function readResult(decision: unknown): PolicyResult {
  if (decision === true) return ALLOWED
  if (decision === false) return DENIED
  if (decision === undefined) {
    throw new AuthzError(AuthzErrorCode.decisionUndefined, 'undefined decision')
  }
  if (!isObject(decision)) {
    throw invalid(
      'response status',
      `illegal value for policy evaluation result: ${goType(decision)}`,
    )
  }
  const { allowed } = decision
  if (!Object.hasOwn(decision, 'allowed')) {
    throw invalid(
      'response status',
      'unable to determine evaluation result due to missing "allowed" key',
    )
  }
  if (typeof allowed !== 'boolean') {
    throw invalid('response status', mismatch('allowed', 'boolean', allowed))
  }
  const headers = readHeaders(decision['headers'], 'response headers')
  const metadata = readMetadata(decision['dynamic_metadata'])
  return allowed
    ? readAllowed(decision, headers, metadata)
    : readDenied(decision, headers, metadata)
}

const NONE = { headers: [], responseHeaders: [], headersToRemove: [], queryToSet: [] } as const
const BARE = {
  ...NONE,
  queryToRemove: [],
  detailed: false,
  body: undefined,
  metadata: undefined,
} as const
const ALLOWED: PolicyResult = Object.freeze({
  ...BARE,
  allowed: true,
  status: STATUS_ALLOWED,
  reason: DEFAULT_REASON.allowed,
})
const DENIED: PolicyResult = Object.freeze({
  ...BARE,
  allowed: false,
  status: STATUS_DENIED,
  reason: DEFAULT_REASON.denied,
})

/** The result contract has no place for it: how opa-envoy-plugin denies what it can't read. */
export function unreadableResult(why: string): PolicyResult {
  return { ...DENIED, detailed: true, status: STATUS_UNREADABLE, body: why, reason: why }
}

function readAllowed(
  decision: Decided,
  headers: readonly HeaderPair[],
  metadata: PolicyResult['metadata'],
): PolicyResult {
  const remove = 'request headers to remove'
  const unset = 'request query parameters to remove'
  return {
    ...ALLOWED,
    detailed: true,
    headers,
    metadata,
    headersToRemove: readRemoved(decision, 'request_headers_to_remove', remove),
    responseHeaders: readHeaders(decision['response_headers_to_add'], 'response headers to add'),
    queryToRemove: readUnset(decision, 'query_parameters_to_remove', unset),
    queryToSet: readQuery(decision['query_parameters_to_set']),
    reason: readReason(decision, DEFAULT_REASON.allowed),
  }
}

function readDenied(
  decision: Decided,
  headers: readonly HeaderPair[],
  metadata: PolicyResult['metadata'],
): PolicyResult {
  return {
    ...DENIED,
    detailed: true,
    headers,
    metadata,
    body: readBody(decision['body']),
    status: readStatus(decision['http_status']),
    reason: readReason(decision, DEFAULT_REASON.denied),
  }
}

function readHeaders(value: unknown, what: string): readonly HeaderPair[] {
  if (value === undefined) return NONE.headers
  const pairs: HeaderPair[] = []
  for (const headers of Array.isArray(value) ? value : [value]) {
    if (!isObject(headers)) throw invalid(what, mismatch('headers', 'object', headers))
    for (const [name, values] of sortedEntries(headers)) {
      if (typeof values !== 'string' && !Array.isArray(values)) {
        throw invalid(what, `type assertion error for header '${name}'`)
      }
      for (const text of Array.isArray(values) ? values : [values]) {
        if (typeof text !== 'string') {
          throw invalid(what, `invalid value type ${goType(text)} for header '${name}'`)
        }
        requireHeader(name, text, what)
        pairs.push([name, text])
      }
    }
  }
  return pairs
}

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Control characters but the tab. */
const BREAKS_VALUE = /(?!\t)\p{Cc}/u

/**
 * A header that would break the message it is put into is no answer to anybody; nor is a
 * pseudo-header, with which the request would be another one than was decided.
 */
function requireHeader(name: string, value: string, what: string): void {
  if (!HEADER_NAME.test(name)) throw invalid(what, `\`${name}\` is no name of a header`)
  if (BREAKS_VALUE.test(value)) {
    throw invalid(what, `the value of header '${name}' has control characters`)
  }
}

/** Envoy passes over a removal of the host, without which there is no request, and says nothing. */
function readRemoved(decision: Decided, key: string, what: string): readonly string[] {
  const names = readTexts(decision, key, what)
  for (const name of names) {
    if (!HEADER_NAME.test(name)) throw invalid(what, `\`${name}\` is no name of a header`)
    if (name.toLowerCase() === 'host') throw invalid(what, '`host` can not be removed')
  }
  return names
}

function readUnset(decision: Decided, key: string, what: string): readonly string[] {
  const names = readTexts(decision, key, what)
  for (const name of names) requireQuery(name, name, what)
  return names
}

const BREAKS_QUERY = /\p{Cc}/u

function requireQuery(name: string, value: string, what: string): void {
  if (!BREAKS_QUERY.test(name) && !BREAKS_QUERY.test(value)) return
  throw invalid(what, `parameter ${JSON.stringify(name)} has control characters`)
}

function readTexts(decision: Decided, key: string, what: string): readonly string[] {
  const value = decision[key]
  if (value === undefined) return NONE.headersToRemove
  if (!Array.isArray(value)) throw invalid(what, mismatch(key, '[]string', value))
  for (const text of value) {
    if (typeof text !== 'string') throw invalid(what, mismatch(`${key} value`, 'string', text))
  }
  return value as string[]
}

function readQuery(value: unknown): readonly HeaderPair[] {
  const what = 'request query parameters to set'
  if (value === undefined) return NONE.queryToSet
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
      requireQuery(name, text, what)
      pairs.push([name, text])
    }
  }
  return pairs
}

function readBody(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw invalid('response body', mismatch('body', 'string', value))
}

function readStatus(value: unknown): number {
  if (value === undefined) return STATUS_DENIED
  const what = 'response http status'
  if (typeof value !== 'number') throw invalid(what, mismatch('http_status', 'number', value))
  if (!KNOWN_STATUS.has(value)) throw invalid(what, `invalid HTTP status code ${value}`)
  return value
}

function readMetadata(value: unknown): PolicyResult['metadata'] {
  if (value === undefined || isObject(value)) return value
  throw invalid('dynamic metadata', mismatch('dynamic_metadata', 'object', value))
}

/** Ours: opa-envoy-plugin does not know it, so that one of another type is not our business. */
function readReason({ reason }: Decided, otherwise: string): string {
  return typeof reason === 'string' && reason !== '' ? reason : otherwise
}

type Decided = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Decided {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The module gives keys in the order of a hash table; answers to one question are alike. */
function sortedEntries(value: Decided): [string, unknown][] {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
}

function mismatch(what: string, expected: string, value: unknown): string {
  const found = `to be of type '${expected}' but got '${goType(value)}'`
  return `type assertion error, expected ${what} ${found}`
}

/** Go's name of the type, which the users of opa-envoy-plugin know from its messages. */
function goType(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'number') return 'json.Number'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : 'map[string]interface {}'
}

function invalid(what: string, why: string): AuthzError {
  return new AuthzError(AuthzErrorCode.decisionInvalid, `failed to get ${what}: ${why}`)
}
