import { Outcome } from '@verdict/contract'
import { errorBody } from '@verdict/service'
import { joinedHeaders } from '../answer-headers.ts'
import type { Answer } from '../decide.ts'
import { type AuthzError, AuthzErrorCode } from '../errors.ts'
import { ID_HEADER, isOwnHeader, REASON_HEADER } from '../own-headers.ts'
import type { AppendAction, HeaderChange, HeaderPair } from '../result/policy-result.ts'
import { GrpcStatus, type GrpcStatusName } from './grpc-status.ts'
import type { PlainMessage } from './plain-message.ts'

const STATUSES: Readonly<Record<Answer['outcome'], number>> = {
  [Outcome.allow]: GrpcStatus.ok,
  [Outcome.deny]: GrpcStatus.permission_denied,
  [Outcome.unauthenticated]: GrpcStatus.unauthenticated,
}

/** The numbers of Envoy's `HeaderAppendAction`. */
const ACTIONS: Readonly<Record<AppendAction, number>> = {
  append_if_exists_or_add: 0,
  add_if_absent: 1,
  overwrite_if_exists_or_add: 2,
  overwrite_if_exists: 3,
}

/** The answer as a CheckResponse, as opa-envoy-plugin gives it; docs/policy-contract.md says more. */
export function responseOf(answer: Answer): PlainMessage {
  const { id, outcome, result, unreadable } = answer
  const code = STATUSES[outcome]
  if (unreadable) {
    // There, what can't be read gets no metadata; the id is in the record.
    const status = { code, message: result.reason }
    return { status, deniedResponse: deniedResponse(answer) }
  }
  return {
    status: { code },
    okResponse: result.allowed ? okResponse(answer) : undefined,
    deniedResponse: result.allowed ? undefined : deniedResponse(answer),
    dynamicMetadata: { ...result.metadata, decision_id: id },
  }
}

/** When one that was turned away may ask again. */
const RETRY_AFTER = '1'

/**
 * A fault as an answer. It has no HTTP status of its own, for with one Envoy would pass over
 * `status_on_error`.
 */
export function errorResponseOf(fault: AuthzError, status: GrpcStatusName): PlainMessage {
  const { code, message, decisionId } = fault
  const headers: HeaderPair[] = [
    ['content-type', 'application/json'],
    [REASON_HEADER, code],
  ]
  if (decisionId !== undefined) headers.push([ID_HEADER, decisionId])
  if (code === AuthzErrorCode.overloaded) headers.push(['retry-after', RETRY_AFTER])
  return {
    status: { code: GrpcStatus[status], message: `${code}: ${message}` },
    errorResponse: {
      headers: headers.map(plainOption),
      body: JSON.stringify(errorBody(code, message)),
    },
    dynamicMetadata: decisionId === undefined ? undefined : { decision_id: decisionId },
  }
}

/** A mere boolean gets none, unless there is something to remove. */
function okResponse({ result, headersToRemove }: Answer): PlainMessage | undefined {
  if (!result.detailed && headersToRemove.length === 0) return undefined
  return {
    headers: requestOptions(result.headers),
    headersToRemove,
    responseHeadersToAdd: result.responseHeaders.map(responseOption),
    queryParametersToSet: result.queryToSet.map(([key, value]) => ({ key, value })),
    queryParametersToRemove: result.queryToRemove,
  }
}

/** A mere boolean gets none: Envoy answers 403 then. */
function deniedResponse({ result }: Answer): PlainMessage | undefined {
  if (!result.detailed) return undefined
  return {
    status: { code: result.status },
    headers: result.headers.map(plainOption),
    body: result.body ?? '',
  }
}

/**
 * One option for each header: of several by one name Envoy 1.40 keeps only the last. That it
 * overwrites is said, because later ones append where it is not.
 */
function requestOptions(headers: readonly HeaderChange[]): PlainMessage[] {
  const appendAction = ACTIONS.overwrite_if_exists_or_add
  const joined = Object.entries(joinedHeaders(headers))
  return joined.map(([key, value]) => ({ header: { key, value }, appendAction }))
}

/** Without an action Envoy appends, as it does for opa-envoy-plugin. */
function responseOption([key, value, action]: HeaderChange): PlainMessage {
  const header = { key, value }
  if (action !== undefined) return { header, appendAction: ACTIONS[action] }
  if (isOwnHeader(key)) return { header, appendAction: ACTIONS.overwrite_if_exists_or_add }
  return { header }
}

/** An answer that Envoy makes itself has none of these headers yet. */
function plainOption([key, value]: HeaderChange): PlainMessage {
  return { header: { key, value } }
}
