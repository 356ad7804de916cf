import { Outcome } from '@verdict/contract'
import type { Answer } from '../decide.ts'
import type { HeaderPair } from '../result.ts'
import { GrpcStatus } from './grpc-status.ts'
import type { PlainMessage } from './plain-message.ts'

const STATUSES: Readonly<Record<Answer['outcome'], number>> = {
  [Outcome.allow]: GrpcStatus.ok,
  [Outcome.deny]: GrpcStatus.permission_denied,
  [Outcome.unauthenticated]: GrpcStatus.unauthenticated,
}

/** The answer as a CheckResponse, exactly as opa-envoy-plugin gives it. */
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

/** A mere boolean gets none, unless there is something to remove. */
function okResponse({ result, headersToRemove }: Answer): PlainMessage | undefined {
  if (!result.detailed && headersToRemove.length === 0) return undefined
  return {
    headers: result.headers.map(headerOption),
    headersToRemove,
    responseHeadersToAdd: result.responseHeaders.map(headerOption),
    queryParametersToSet: result.queryToSet.map(([key, value]) => ({ key, value })),
    queryParametersToRemove: result.queryToRemove,
  }
}

/** A mere boolean gets none: Envoy answers 403 then. */
function deniedResponse({ result }: Answer): PlainMessage | undefined {
  if (!result.detailed) return undefined
  return {
    status: { code: result.status },
    headers: result.headers.map(headerOption),
    body: result.body ?? '',
  }
}

/** Envoy overwrites by default, which is what a policy means that sets a header. */
function headerOption([key, value]: HeaderPair): PlainMessage {
  return { header: { key, value } }
}
