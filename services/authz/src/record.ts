import {
  type Decision,
  type DecisionId,
  type Identity,
  type Outcome,
  principalOf,
  RECORD_INPUT_BYTES_MAX,
  RecordClass,
} from '@verdict/contract'
import type { AmbiguityKind } from './canonicalise/ambiguity.ts'
import { pathOf } from './canonicalise/canonicalise.ts'
import { destinationOf } from './destination.ts'
import { masked } from './masking.ts'
import { type DecisionRequest, headerOf } from './request.ts'

/** What was found out on the way to a decision; what was not reached is not there. */
export interface Findings {
  readonly id: DecisionId
  readonly timeMs: number
  identity?: Identity
  /** Those that the policy is told of. */
  ambiguities?: readonly AmbiguityKind[]
  policy?: {
    readonly entrypoint: string
    readonly revision: string
    /** Absent where the policies are a folder's. */
    readonly bundle?: string
  }
  /** The last change of the data that the policy had seen. */
  dataRevision?: number | undefined
  /** The JSON that the policy was given; absent where it is not to be recorded. */
  input?: string | undefined
  /** What the route says of the record. */
  recordClass?: RecordClass | undefined
  /** The labels of the rules that held. */
  rules?: readonly string[]
  /** How many questions of the policy other services have answered. */
  fetched?: number
  /** What the evaluation has cost, in units. */
  units?: number
}

/** A longer input is not even looked through: its credentials alone do not make it so long. */
const INPUT_CHARS_MAX = 2 * RECORD_INPUT_BYTES_MAX

export interface Verdict {
  readonly outcome: Outcome
  readonly reason: string
  /** The HTTP status that the caller is told, or would be where it is not enforced. */
  readonly status: number
  /** False where the caller is let through all the same. */
  readonly enforced?: boolean
  /** Default: `journal`. */
  readonly recordClass?: RecordClass
}

/** The principal of a request whose caller was not found out. */
const UNKNOWN_PRINCIPAL = 'unknown'

/** The record of a decision: who, what, when, where, how, why. It holds no credentials. */
export function recordOf(
  request: DecisionRequest,
  findings: Findings,
  { outcome, reason, status, enforced = true, recordClass = RecordClass.journal }: Verdict,
): Decision {
  const { attributes, protocol } = request
  const { id, timeMs, identity, ambiguities } = findings
  return {
    ...(ambiguities === undefined ? undefined : { ambiguities }),
    destination: destinationOf(attributes),
    durationUs: Math.round((performance.now() - request.receivedMs) * 1_000),
    ...(enforced ? undefined : { enforced }),
    id,
    identity: identity === undefined ? { status: 'unknown' } : identityOf(identity),
    outcome,
    policy: policyOf(findings),
    principal: identity === undefined ? UNKNOWN_PRINCIPAL : principalOf(identity),
    protocol,
    reason,
    ...(recordClass === RecordClass.journal ? undefined : { recordClass }),
    request: requestOf(request),
    source: sourceOf(request),
    status,
    time: new Date(timeMs).toISOString(),
  }
}

function policyOf(findings: Findings): Decision['policy'] {
  const { policy, dataRevision, fetched, input, rules, units } = findings
  if (policy === undefined) return {}
  const { bundle, entrypoint, revision } = policy
  return {
    ...(bundle === undefined ? undefined : { bundle }),
    ...(dataRevision === undefined ? undefined : { dataRevision }),
    entrypoint,
    ...(fetched === undefined ? undefined : { fetched }),
    ...inputOf(input),
    revision,
    ...(rules === undefined || rules.length === 0 ? undefined : { rules }),
    ...(units === undefined ? undefined : { units }),
  }
}

function inputOf(input: string | undefined): Pick<Decision['policy'], 'input' | 'inputOmitted'> {
  if (input === undefined) return {}
  return input.length > INPUT_CHARS_MAX ? { inputOmitted: true } : { input: masked(input) }
}

function identityOf({ issuer, reason, status, subject, workload }: Identity): Decision['identity'] {
  return {
    ...(issuer === undefined ? undefined : { issuer }),
    ...(reason === undefined ? undefined : { reason }),
    status,
    ...(subject === undefined ? undefined : { subject }),
    ...(workload === undefined ? undefined : { workload: workload.id }),
  }
}

function requestOf({ attributes }: DecisionRequest): Decision['request'] {
  const http = attributes?.request?.http
  const id = headerOf(http, 'x-request-id')
  const traceId = traceIdOf(headerOf(http, 'traceparent'))
  const scheme = http === undefined ? transportOf(attributes) : http.scheme
  return {
    host: http?.host ?? '',
    ...(id === undefined ? undefined : { id }),
    method: http?.method ?? '',
    path: pathOf(http),
    ...(scheme === undefined ? undefined : { scheme }),
    ...(traceId === undefined ? undefined : { traceId }),
  }
}

function sourceOf({ attributes }: DecisionRequest): Decision['source'] {
  const peer = attributes?.source
  const address = peer?.address?.socketAddress?.address
  return {
    ...(address === undefined ? undefined : { address }),
    ...(peer?.principal === undefined ? undefined : { principal: peer.principal }),
  }
}

/** The second field of `00-<32 hexadecimal digits>-<16>-<2>` (W3C Trace Context). */
function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent === undefined
    ? undefined
    : /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent)?.[1]
}

/** Envoy's network filter asks of a connection, not of a request. */
function transportOf(attributes: DecisionRequest['attributes']): string | undefined {
  const address = attributes?.destination?.address ?? attributes?.source?.address
  if (address === undefined) return undefined
  return address.socketAddress?.protocol === UDP ? 'udp' : 'tcp'
}

const UDP = 1
