import { RECORD_CLASSES } from '@verdict/contract'
import { AuthzError, AuthzErrorCode } from '../errors.ts'
import { requireBounded } from './bounds.ts'
import { type Decided, goType, invalid, isObject, mismatch } from './decision-value.ts'
import { readRemoved } from './header-rules.ts'
import { readHeaders } from './headers.ts'
import { type Obligation, readObligation, requireNoObligation } from './obligations.ts'
import {
  ALLOWED,
  DEFAULT_REASON,
  DENIED,
  type HeaderChange,
  type PolicyResult,
} from './policy-result.ts'
import { readQuery, readUnset } from './query.ts'

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
  const fields = requireFields(decision)
  const result = fields['allowed'] === true ? readAllowed(fields) : readDenied(fields)
  requireBounded(result)
  return result
}

function requireFields(decision: unknown): Decided {
  const what = 'response status'
  if (!isObject(decision)) {
    const found = goType(decision)
    throw invalid(what, `illegal value for policy evaluation result: ${found}`)
  }
  if (!Object.hasOwn(decision, 'allowed')) {
    const missing = 'unable to determine evaluation result due to missing "allowed" key'
    throw invalid(what, missing)
  }
  const { allowed } = decision
  if (typeof allowed !== 'boolean') throw invalid(what, mismatch('allowed', 'boolean', allowed))
  return decision
}

function readAllowed(decision: Decided): PolicyResult {
  const headers = readHeaders(decision['headers'], 'request', HEADERS)
  const added = decision['response_headers_to_add']
  const metadata = readMetadata(decision['dynamic_metadata'])
  requireNoObligation(decision)
  return {
    ...ALLOWED,
    detailed: true,
    headers,
    metadata,
    headersToRemove: readRemoved(decision),
    responseHeaders: readHeaders(added, 'response', 'response headers to add'),
    queryToRemove: readUnset(decision),
    queryToSet: readQuery(decision['query_parameters_to_set']),
    ...readRecordClass(decision['record_class']),
    reason: readReason(decision, DEFAULT_REASON.allowed),
  }
}

const HEADERS = 'response headers'

function readDenied(decision: Decided): PolicyResult {
  const headers = readHeaders(decision['headers'], 'denial', HEADERS)
  const metadata = readMetadata(decision['dynamic_metadata'])
  const body = readBody(decision['body'])
  const status = readStatus(decision['http_status'])
  const obligation = readObligation(decision)
  const recorded = readRecordClass(decision['record_class'])
  const denied = { ...DENIED, detailed: true, headers, metadata, body, ...recorded }
  if (obligation !== undefined) return withObligation(denied, status, obligation, decision)
  return { ...denied, status: status ?? DENIED.status, reason: readReason(decision, DENIED.reason) }
}

/** What the obligation says the policy can't say otherwise: the caller would not know which holds. */
function withObligation(
  denied: PolicyResult,
  status: number | undefined,
  obligation: Obligation,
  decision: Decided,
): PolicyResult {
  if (status !== undefined && status !== obligation.status) {
    throw invalid('obligations', `it is ${obligation.status}, and \`http_status\` is ${status}`)
  }
  const [name] = obligation.header
  const own = (key: string): boolean => denied.headers.some(([n]) => n.toLowerCase() === key)
  if (own(name)) throw invalid('obligations', `\`headers\` has \`${name}\`, which is of it`)
  const bodied = denied.body !== undefined || own('content-type')
  const type: readonly HeaderChange[] = bodied ? [] : [['content-type', 'application/json']]
  return {
    ...denied,
    status: obligation.status,
    headers: [...denied.headers, obligation.header, ...type],
    body: bodied ? denied.body : obligation.body,
    reason: readReason(decision, obligation.reason),
  }
}

function readBody(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw invalid('response body', mismatch('body', 'string', value))
}

function readStatus(value: unknown): number | undefined {
  if (value === undefined) return undefined
  const what = 'response http status'
  if (typeof value !== 'number') throw invalid(what, mismatch('http_status', 'number', value))
  if (!KNOWN_STATUS.has(value)) throw invalid(what, `invalid HTTP status code ${value}`)
  return value
}

function readMetadata(value: unknown): PolicyResult['metadata'] {
  if (value === undefined || isObject(value)) return value
  throw invalid('dynamic metadata', mismatch('dynamic_metadata', 'object', value))
}

function readRecordClass(value: unknown): Pick<PolicyResult, 'recordClass'> {
  if (value === undefined) return {}
  const recordClass = RECORD_CLASSES.find((one) => one === value)
  if (recordClass !== undefined) return { recordClass }
  throw invalid('record class', `\`record_class\` is none of ${RECORD_CLASSES.join(', ')}`)
}

/** Ours: opa-envoy-plugin does not know it, so that one of another type is not our business. */
function readReason({ reason }: Decided, otherwise: string): string {
  return typeof reason === 'string' && reason !== '' ? reason : otherwise
}
