import type { IdentityStatus, InvalidTokenReason } from './identity.ts'
import type { DecisionId } from './ids.ts'
import type { JournalPosition } from './journal-position.ts'
import type { RecordClass } from './record-class.ts'

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

/** The policy that decided; empty where there was none, or none was asked. */
export interface DecidedBy {
  /** The name of its bundle; absent where the policies are a folder's. */
  readonly bundle?: string
  /** The last change of its data that it had seen; absent where its data does not change. */
  readonly dataRevision?: number
  readonly entrypoint?: string
  /** How many answers of other services it was given; absent where its rule asks none. */
  readonly fetched?: number
  /**
   * The JSON of the input, as far as the policy can read it, with credentials masked; absent where
   * it is too long, or nothing was evaluated, or it is not to be recorded.
   */
  readonly input?: string
  /** There is an input, and it is not here for its length. */
  readonly inputOmitted?: true
  /** The digest of the sources, or what the builder of the bundle calls it. */
  readonly revision?: string
  /** The labels of the rules that held. */
  readonly rules?: readonly string[]
  /** What the evaluation has cost. */
  readonly units?: number
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
  /** What the policy has taken out of the record, as JSON pointers; left out where there is nothing. */
  readonly erased?: readonly string[]
  readonly id: DecisionId
  readonly identity: {
    readonly issuer?: string
    readonly reason?: InvalidTokenReason
    readonly status: IdentityStatus | 'unknown'
    readonly subject?: string
    readonly workload?: string
  }
  /** What the policy has put something else in the place of. */
  readonly masked?: readonly string[]
  readonly outcome: Outcome
  readonly policy: DecidedBy
  readonly principal: string
  readonly protocol: Protocol
  /** By what the subject is found whose key the personal fields are encrypted under. */
  readonly pseudonym?: string
  /** The policy's reason, or the code of a fault. */
  readonly reason: string
  /** How well it had to be on record before the answer; left out where that is `journal`. */
  readonly recordClass?: Exclude<RecordClass, 'journal'>
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

/** What a UTF-16 unit takes at most as JSON: `\u0000`. */
const UNIT_BYTES_MAX = 6

/**
 * A text of a record takes at most this many bytes as JSON, so that the longest record fits into a
 * line of the journal, whatever its texts hold.
 */
export const RECORD_TEXT_BYTES_MAX = 3 * 1024
/** Of more rules that held, the first by the order of the policy are kept. */
export const RECORD_RULES_MAX = 16
/** Paths that the policy has taken out of one record, or put others in: of more, that is a fault. */
export const RECORD_MASKS_MAX = 16
/**
 * The label of a rule, the name or revision of a bundle, a method, a scheme, a masked path, as
 * JSON; a longer one is cut.
 */
export const RECORD_NAME_BYTES_MAX = 126
/** What an input takes at most as JSON; a longer one is left out, for half of it is no JSON. */
export const RECORD_INPUT_BYTES_MAX = 8 * 1024

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
    erased: pathsOf(decision.erased),
    id: decision.id,
    identity: {
      issuer: bounded(identity.issuer),
      reason: identity.reason,
      status: identity.status,
      subject: bounded(identity.subject),
      workload: bounded(identity.workload),
    },
    instance: position.instance,
    masked: pathsOf(decision.masked),
    n: position.n,
    outcome: decision.outcome,
    policy: {
      bundle: bounded(policy.bundle, RECORD_NAME_BYTES_MAX),
      dataRevision: policy.dataRevision,
      entrypoint: bounded(policy.entrypoint),
      fetched: policy.fetched,
      ...inputOf(policy),
      revision: bounded(policy.revision, RECORD_NAME_BYTES_MAX),
      rules: policy.rules
        ?.slice(0, RECORD_RULES_MAX)
        .map((label) => bounded(label, RECORD_NAME_BYTES_MAX)),
      units: policy.units,
    },
    principal: bounded(decision.principal),
    protocol: decision.protocol,
    pseudonym: decision.pseudonym,
    reason: bounded(decision.reason),
    recordClass: decision.recordClass,
    request: {
      host: bounded(request.host),
      id: bounded(request.id),
      method: bounded(request.method, RECORD_NAME_BYTES_MAX),
      path: bounded(request.path),
      scheme: bounded(request.scheme, RECORD_NAME_BYTES_MAX),
      traceId: request.traceId,
    },
    source: { address: bounded(source.address), principal: bounded(source.principal) },
    status: decision.status,
    time: decision.time,
    v: 1,
  })
}

function pathsOf(paths: readonly string[] | undefined): string[] | undefined {
  return paths?.slice(0, RECORD_MASKS_MAX).map((path) => bounded(path, RECORD_NAME_BYTES_MAX))
}

/** The input, or that it is left out. */
function inputOf({ input, inputOmitted }: DecidedBy): Pick<DecidedBy, 'input' | 'inputOmitted'> {
  if (input === undefined) return inputOmitted ? { inputOmitted } : NO_INPUT
  const whole = input.isWellFormed() ? input : input.toWellFormed()
  return fits(whole, RECORD_INPUT_BYTES_MAX) ? { input: whole } : { inputOmitted: true }
}

const NO_INPUT = {}

function bounded(text: string, bytesMax?: number): string
function bounded(text: string | undefined, bytesMax?: number): string | undefined
/** A text that is too long is cut, and ends in `…`. */
function bounded(
  text: string | undefined,
  bytesMax: number = RECORD_TEXT_BYTES_MAX,
): string | undefined {
  if (text === undefined) return undefined
  const whole = text.isWellFormed() ? text : text.toWellFormed()
  if (fits(whole, bytesMax)) return whole
  return `${whole.slice(0, bytesMax / UNIT_BYTES_MAX - 1).toWellFormed()}…`
}

/** Whether a text takes at most so many bytes as JSON. */
function fits(text: string, bytesMax: number): boolean {
  if (text.length <= bytesMax / UNIT_BYTES_MAX) return true
  return text.length <= bytesMax && Buffer.byteLength(JSON.stringify(text)) <= bytesMax
}
