import type { IdentityStatus, InvalidTokenReason } from './identity.ts'
import type { DecisionId } from './ids.ts'
import type { JournalPosition } from './journal-position.ts'

/** How a request was decided. `error` is a fault of ours: the caller got no decision. */
export const Outcome = {
  allow: 'allow',
  deny: 'deny',
  unauthenticated: 'unauthenticated',
  error: 'error',
} as const
export type Outcome = (typeof Outcome)[keyof typeof Outcome]

/** The way by which a question came in. */
export const Protocol = { envoyGrpc: 'envoy-grpc', http: 'http', nats: 'nats' } as const
export type Protocol = (typeof Protocol)[keyof typeof Protocol]

/** The service that the request is for. `service` is never empty: `unknown` where nothing names it. */
export interface Destination {
  readonly address?: string
  readonly namespace?: string
  readonly principal?: string
  readonly service: string
}

/** What is written down of one decision: who, what, when, where, how, why. */
export interface Decision {
  /** What other components may read differently in the request; left out where there is nothing. */
  readonly ambiguities?: readonly string[]
  readonly destination: Destination
  /** From the last byte of the request to the append, in µs. */
  readonly durationUs: number
  /** False where the caller was let through all the same (dry-run); left out where it held. */
  readonly enforced?: false
  readonly id: DecisionId
  readonly identity: {
    readonly issuer?: string
    readonly reason?: InvalidTokenReason
    readonly status: IdentityStatus | 'unknown'
    readonly subject?: string
    readonly workload?: string
  }
  readonly outcome: Outcome
  /**
   * `revision` is the digest of the policies' sources, `units` what the evaluation has cost; absent
   * where there was no policy, or none was evaluated.
   */
  readonly policy: {
    readonly entrypoint?: string
    readonly revision?: string
    readonly units?: number
  }
  readonly principal: string
  readonly protocol: Protocol
  /** The policy's reason, or the code of a fault. */
  readonly reason: string
  /** `path` is without the query, which often carries secrets; `id` is `x-request-id`. */
  readonly request: {
    readonly host: string
    readonly id?: string
    readonly method: string
    readonly path: string
    readonly scheme?: string
    readonly traceId?: string
  }
  readonly source: { readonly address?: string; readonly principal?: string }
  /** The HTTP status that the caller was told, or would have been where it was not enforced. */
  readonly status: number
  /** RFC 3339, UTC, with ms. */
  readonly time: string
}

/** A decision with its place in the journal of the decision point that took it. */
export interface DecisionRecord extends Decision {
  readonly instance: string
  readonly epoch: number
  readonly n: number
  readonly v: 1
}

/** Of more ambiguities the first are kept; there are not as many kinds. */
export const RECORD_AMBIGUITIES_MAX = 32

/**
 * A text of a record takes at most this many bytes as JSON, so that the longest record fits into a
 * line of the journal, whatever its texts hold.
 */
export const RECORD_TEXT_BYTES_MAX = 3 * 1024
/** So many UTF-16 units never take more, for one takes at most six bytes (`\u0000`). */
export const RECORD_TEXT_UNITS_MIN = RECORD_TEXT_BYTES_MAX / 6

/**
 * The canonical JSON of a record (RFC 8785): keys are written here in sorted order, numbers are
 * integers and texts are well-formed, so that `JSON.stringify` yields the canonical form.
 */
export function encodeRecord(decision: Decision, position: JournalPosition): string {
  const { destination, identity, policy, request, source } = decision
  return JSON.stringify({
    ambiguities: decision.ambiguities?.slice(0, RECORD_AMBIGUITIES_MAX),
    destination: {
      address: bounded(destination.address),
      namespace: bounded(destination.namespace),
      principal: bounded(destination.principal),
      service: bounded(destination.service),
    },
    durationUs: decision.durationUs,
    enforced: decision.enforced,
    epoch: position.epoch,
    id: decision.id,
    identity: {
      issuer: bounded(identity.issuer),
      reason: identity.reason,
      status: identity.status,
      subject: bounded(identity.subject),
      workload: bounded(identity.workload),
    },
    instance: position.instance,
    n: position.n,
    outcome: decision.outcome,
    policy: { entrypoint: policy.entrypoint, revision: policy.revision, units: policy.units },
    principal: bounded(decision.principal),
    protocol: decision.protocol,
    reason: bounded(decision.reason),
    request: {
      host: bounded(request.host),
      id: bounded(request.id),
      method: bounded(request.method),
      path: bounded(request.path),
      scheme: bounded(request.scheme),
      traceId: request.traceId,
    },
    source: { address: bounded(source.address), principal: bounded(source.principal) },
    status: decision.status,
    time: decision.time,
    v: 1,
  })
}

function bounded(text: string): string
function bounded(text: string | undefined): string | undefined
/** A text that is too long is cut, and ends in `…`. */
function bounded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const whole = text.isWellFormed() ? text : text.toWellFormed()
  if (whole.length <= RECORD_TEXT_UNITS_MIN) return whole
  if (Buffer.byteLength(JSON.stringify(whole)) <= RECORD_TEXT_BYTES_MAX) return whole
  return `${whole.slice(0, RECORD_TEXT_UNITS_MIN - 1).toWellFormed()}…`
}
