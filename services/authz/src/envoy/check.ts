import { messageOf, Protocol } from '@verdict/contract'
import type { Decider } from '../decide.ts'
import { AuthzError, AuthzErrorCode, isMalformed, type QuestionEvents } from '../errors.ts'
import type { Attributes } from '../request.ts'
import { errorResponseOf, responseOf } from './check-response.ts'
import {
  CheckRequestSchema,
  CheckResponseSchema,
} from './gen/envoy/service/auth/v3/external_auth_pb.ts'
import type { UnaryHandler } from './grpc-call.ts'
import { GrpcError, type GrpcStatusName } from './grpc-status.ts'
import { messageReader } from './message-reader.ts'
import { messageWriter } from './message-writer.ts'

export const CHECK_METHOD = '/envoy.service.auth.v3.Authorization/Check'

/** How long a client that was turned away is asked to wait. */
const RETRY_AFTER_MS = 1_000

/** Answers `envoy.service.auth.v3.Authorization/Check`. */
export function checkHandler(
  decider: Pick<Decider, 'decide'>,
  events: QuestionEvents,
  faults: FaultForm = 'failed_call',
): UnaryHandler {
  const read = messageReader(CheckRequestSchema)
  const write = messageWriter(CheckResponseSchema)
  return async (message, call) => {
    const receivedMs = performance.now()
    try {
      const request = {
        protocol: Protocol.envoyGrpc,
        attributes: attributesOf(message, read),
        receivedMs,
        verdictIsStatus: false,
      }
      return write(responseOf(await decider.decide(request, call)))
    } catch (thrown) {
      if (!(thrown instanceof AuthzError)) throw thrown
      if (isMalformed(thrown)) events.questionRefused(Protocol.envoyGrpc, thrown)
      if (faults === 'error_response') return write(errorResponseOf(thrown, statusOf(thrown)))
      throw failedCall(thrown)
    }
  }
}

function attributesOf(
  message: Uint8Array,
  read: ReturnType<typeof messageReader>,
): Attributes | undefined {
  try {
    return read(message)['attributes'] as Attributes | undefined
  } catch (cause) {
    const why = `the message is no CheckRequest: ${messageOf(cause)}`
    throw new AuthzError(AuthzErrorCode.questionMalformed, why, { cause })
  }
}

/**
 * How Envoy is told of a fault; either way it does what `failure_mode_allow` and `status_on_error`
 * say, which a denial would hide. Every Envoy understands a failed call. From `error_response` the
 * client learns why, and an Envoy before 1.37 would take it for a denial.
 */
export const FAULT_FORMS = ['failed_call', 'error_response'] as const
export type FaultForm = (typeof FAULT_FORMS)[number]

/** Of faults that are one error for many requests: under overload, a stack for each would cost. */
const FAILED_CALLS = new WeakMap<AuthzError, GrpcError>()

function failedCall(fault: AuthzError): GrpcError {
  const known = FAILED_CALLS.get(fault)
  if (known !== undefined) return known
  const { code } = fault
  const overloaded = code === AuthzErrorCode.overloaded
  const failed = new GrpcError(statusOf(fault), `${code}: ${fault.message}`, {
    cause: fault,
    ...(overloaded ? { retryAfterMs: RETRY_AFTER_MS } : undefined),
  })
  FAILED_CALLS.set(fault, failed)
  return failed
}

function statusOf({ code }: AuthzError): GrpcStatusName {
  return STATUSES[code] ?? 'unavailable'
}

const STATUSES: Readonly<Partial<Record<AuthzErrorCode, GrpcStatusName>>> = {
  overloaded: 'resource_exhausted',
  deadline_exceeded: 'deadline_exceeded',
  question_malformed: 'invalid_argument',
}
