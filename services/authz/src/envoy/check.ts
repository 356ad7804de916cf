import { messageOf, Protocol } from '@verdict/contract'
import type { Decider } from '../decide.ts'
import { AuthzError, AuthzErrorCode, isMalformed, type QuestionEvents } from '../errors.ts'
import type { Attributes } from '../request.ts'
import { responseOf } from './check-response.ts'
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
 * A fault is a failed call: Envoy then does what `failure_mode_allow` and `status_on_error` say,
 * which a denial would hide. `error_response` would say the same, to Envoy 1.37 and later only.
 */
function failedCall(fault: AuthzError): GrpcError {
  const { code } = fault
  const overloaded = code === AuthzErrorCode.overloaded
  return new GrpcError(STATUSES[code] ?? 'unavailable', `${code}: ${fault.message}`, {
    cause: fault,
    ...(overloaded ? { retryAfterMs: RETRY_AFTER_MS } : undefined),
  })
}

const STATUSES: Readonly<Partial<Record<AuthzErrorCode, GrpcStatusName>>> = {
  overloaded: 'resource_exhausted',
  deadline_exceeded: 'deadline_exceeded',
  question_malformed: 'invalid_argument',
}
