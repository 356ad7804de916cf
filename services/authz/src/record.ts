import {
  type Decision,
  type DecisionId,
  type Identity,
  type Outcome,
  principalOf,
} from '@verdict/contract'
import type { AmbiguityKind } from './canonicalise/ambiguity.ts'
import { pathOf } from './canonicalise/canonicalise.ts'
import { destinationOf } from './destination.ts'
import { type DecisionRequest, headerOf } from './request.ts'

/** What was found out on the way to a decision; what was not reached is not there. */
export interface Findings {
  readonly id: DecisionId
  readonly timeMs: number
  identity?: Identity
  /** Those that the policy is told of. */
  ambiguities?: readonly AmbiguityKind[]
  policy?: { readonly entrypoint: string; readonly revision: string }
  /** What the evaluation has cost, in units. */
  units?: number
}

export interface Verdict {
  readonly outcome: Outcome
  readonly reason: string
  /** The HTTP status that the caller is told, or would be where it is not enforced. */
  readonly status: number
  /** False where the caller is let through all the same. */
  readonly enforced?: boolean
}

/** The principal of a request whose caller was not found out. */
const UNKNOWN_PRINCIPAL = 'unknown'

/** The record of a decision: who, what, when, where, how, why. It holds no credentials. */
export function recordOf(
  request: DecisionRequest,
  { id, timeMs, identity, ambiguities, policy, units }: Findings,
  { outcome, reason, status, enforced = true }: Verdict,
): Decision {
  const { attributes, protocol } = request
  return {
    ...(ambiguities === undefined ? undefined : { ambiguities }),
    destination: destinationOf(attributes),
    durationUs: Math.round((performance.now() - request.receivedMs) * 1_000),
    ...(enforced ? undefined : { enforced }),
    id,
    identity: identity === undefined ? { status: 'unknown' } : identityOf(identity),
    outcome,
    policy: policy === undefined ? {} : policyOf(policy, units),
    principal: identity === undefined ? UNKNOWN_PRINCIPAL : principalOf(identity),
    protocol,
    reason,
    request: requestOf(request),
    source: sourceOf(request),
    status,
    time: new Date(timeMs).toISOString(),
  }
}

function policyOf(
  { entrypoint, revision }: NonNullable<Findings['policy']>,
  units: number | undefined,
): Decision['policy'] {
  return { entrypoint, revision, ...(units === undefined ? undefined : { units }) }
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
