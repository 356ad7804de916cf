import { type Identity, Outcome } from '@verdict/contract'
import { type AmbiguityKind, codeOf, MEANINGS } from './canonicalise/ambiguity.ts'
import { challenge } from './challenge.ts'
import type { AuthzError } from './errors.ts'
import { type DecisionRequest, ownHeadersOf } from './request.ts'
import { type PolicyResult, unreadableResult } from './result/policy-result.ts'

/** What is decided of a request, before it is on record. */
export interface Ruling {
  readonly outcome: Exclude<Outcome, 'error'>
  readonly result: PolicyResult
  /** The request was refused before the policy was asked, because it can't be read. */
  readonly unreadable: boolean
}

/** What a denial is told as where its status would be taken for an allowance or a fault. */
const STATUS_DENIED = 403

/** The bearer of an invalid token is challenged. */
export function unauthenticated({ reason }: Identity): Ruling {
  return { outcome: Outcome.unauthenticated, result: challenge(reason), unreadable: false }
}

/** Envoy cuts, or refuses, bodies that are long; what can't be read may be quoted in this one. */
const UNREADABLE_CHARS_MAX = 1_000

/** In the words of opa-envoy-plugin. */
export function unreadable({ message }: AuthzError): Ruling {
  const why = `request_parse_error: ${message}`.slice(0, UNREADABLE_CHARS_MAX)
  const result = unreadableResult(why)
  return { outcome: Outcome.deny, result, unreadable: true }
}

/** Denied before anybody asks who calls: no answer to it could be right for all who read it. */
export function ambiguous(kind: AmbiguityKind): Ruling {
  const reason = codeOf(kind)
  const result = { ...unreadableResult(reason), body: `${reason}: ${MEANINGS[kind]}` }
  return { outcome: Outcome.deny, result, unreadable: false }
}

/** A header in our name that the client sent stays only where the policy overwrites it. */
export function removedHeaders(request: DecisionRequest, result: PolicyResult): readonly string[] {
  const own = ownHeadersOf(request.attributes?.request?.http)
  if (own.length === 0) return result.headersToRemove
  const overwritten = new Set(result.headers.map(([name]) => name.toLowerCase()))
  const forged = own.filter((name) => !overwritten.has(name.toLowerCase()))
  return [...result.headersToRemove, ...forged]
}

/** The HTTP status that the caller is told. */
export function toldStatus(request: DecisionRequest, { allowed, status }: PolicyResult): number {
  if (allowed || !request.verdictIsStatus) return status
  return status < 300 || status >= 500 ? STATUS_DENIED : status
}
