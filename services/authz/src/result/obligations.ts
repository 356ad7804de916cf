import { bearerChallenge } from './bearer-challenge.ts'
import { type Decided, invalid, isObject, readTexts } from './decision-value.ts'
import type { HeaderPair } from './policy-result.ts'

/** What a denial asks of its caller, as the HTTP answer that says so. */
export interface Obligation {
  readonly status: number
  readonly header: HeaderPair
  /** For a policy that gives no body. */
  readonly body: string
  /** For a policy that gives no reason. */
  readonly reason: string
}

const WHAT = 'obligations'
const KINDS: Readonly<Record<string, (value: unknown) => Obligation>> = {
  step_up: readStepUp,
  rate_limit: readRateLimit,
}
export const OBLIGATIONS: readonly string[] = Object.keys(KINDS)

/**
 * The obligation of a denial. One that is not known, and two that would each need their own
 * status, are no decision: what is asked must not be lost silently.
 * @throws {AuthzError} `decision_invalid`
 */
export function readObligation({ obligations }: Decided): Obligation | undefined {
  if (obligations === undefined) return undefined
  if (!isObject(obligations)) throw invalid(WHAT, 'they must be an object')
  const kinds = Object.keys(obligations)
  for (const kind of kinds) {
    if (Object.hasOwn(KINDS, kind)) continue
    throw invalid(WHAT, `\`${kind}\` is none of ${OBLIGATIONS.join(', ')}`)
  }
  const [kind] = kinds
  if (kind === undefined) return undefined
  if (kinds.length > 1) throw invalid(WHAT, 'an answer can carry one only')
  return KINDS[kind]?.(obligations[kind])
}

/**
 * Nobody would fulfil an obligation of an allowed request.
 * @throws {AuthzError} `decision_invalid`
 */
export function requireNoObligation(decision: Decided): void {
  if (readObligation(decision) === undefined) return
  throw invalid(WHAT, 'an allowed request can have none')
}

const ACR_VALUES_MAX = 16
const TEXT_CHARS_MAX = 1_024
const MAX_AGE_S_MAX = 2 ** 31 - 1
/** What separates the values, quotes or escapes is not in them (RFC 6749, appendix A). */
const TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/

/** The caller is known, and must come back with a stronger or fresher login (RFC 9470). */
function readStepUp(value: unknown): Obligation {
  const what = `${WHAT}: step_up`
  const { max_age, scope, ...given } = readFields(value, ['acr_values', 'max_age', 'scope'], what)
  const acrValues = readTexts(given, 'acr_values', what)
  if (acrValues.length > ACR_VALUES_MAX || acrValues.join(' ').length > TEXT_CHARS_MAX) {
    throw invalid(what, `\`acr_values\` are more than ${ACR_VALUES_MAX}, or too long`)
  }
  if (!acrValues.every((acr) => TOKEN.test(acr))) {
    throw invalid(what, 'an acr value is printable ASCII without spaces, quotes and backslashes')
  }
  if (max_age !== undefined && !isWhole(max_age, 0, MAX_AGE_S_MAX)) {
    throw invalid(what, '`max_age` must be a whole number of seconds')
  }
  if (scope !== undefined && !isScope(scope)) {
    throw invalid(what, '`scope` must be scopes, separated by one space')
  }
  if (acrValues.length === 0 && max_age === undefined) {
    throw invalid(what, 'it needs `acr_values` or `max_age`')
  }
  const error = 'insufficient_user_authentication'
  const description = 'a different authentication level is required'
  const challenge = bearerChallenge({
    error,
    error_description: description,
    acr_values: acrValues.length === 0 ? undefined : acrValues.join(' '),
    max_age: max_age === undefined ? undefined : String(max_age),
    scope: scope as string | undefined,
  })
  return {
    status: 401,
    header: ['www-authenticate', challenge],
    body: bodyOf(error, description),
    reason: 'step_up_required',
  }
}

const RETRY_AFTER_S_MAX = 86_400

function readRateLimit(value: unknown): Obligation {
  const what = `${WHAT}: rate_limit`
  const { retry_after } = readFields(value, ['retry_after'], what)
  if (!isWhole(retry_after, 1, RETRY_AFTER_S_MAX)) {
    throw invalid(what, `\`retry_after\` must be whole seconds, from 1 to ${RETRY_AFTER_S_MAX}`)
  }
  return {
    status: 429,
    header: ['retry-after', String(retry_after)],
    body: bodyOf('rate_limited', `too many requests: try again after ${retry_after} s`),
    reason: 'rate_limited',
  }
}

function readFields(value: unknown, known: readonly string[], what: string): Decided {
  if (!isObject(value)) throw invalid(what, 'it must be an object')
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw invalid(what, `\`${key}\` is none of ${known.join(', ')}`)
  }
  return value
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max
}

function isScope(value: unknown): boolean {
  return typeof value === 'string' && value.length <= TEXT_CHARS_MAX && SCOPE.test(value)
}

function bodyOf(code: string, message: string): string {
  return JSON.stringify({ error: { code, message } })
}
