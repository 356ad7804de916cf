import {
  type DecisionId,
  encodeRecord,
  type Identity,
  IdentityStatus,
  messageOf,
  newDecisionId,
  Outcome,
} from '@verdict/contract'
import type { Journal } from '@verdict/journal'
import { parseBody } from './body/body.ts'
import type { GrpcMessages } from './body/grpc-body.ts'
import {
  type AmbiguityFinding,
  type AmbiguityKind,
  AmbiguityRules,
  codeOf,
  DEFAULT_CHOICES,
  MEANINGS,
} from './canonicalise/ambiguity.ts'
import { type CanonicalRequest, canonicalise } from './canonicalise/canonicalise.ts'
import { challenge } from './challenge.ts'
import { unenforced } from './dry-run.ts'
import { AuthzError, AuthzErrorCode } from './errors.ts'
import { type ActivePolicy, evaluate } from './evaluate.ts'
import { credentialsOf, type Identifier } from './identify.ts'
import { buildInput } from './input.ts'
import { type Findings, recordOf } from './record.ts'
import { type Caller, type DecisionRequest, ownHeadersOf } from './request.ts'
import { type PolicyResult, readResult, unreadableResult } from './result.ts'

/** A decision that is on record: what the adapter tells the caller. */
export interface Answer extends Ruling {
  readonly id: DecisionId
  /** The HTTP status that the caller is told. */
  readonly status: number
  /** What the upstream must not see: what the policy says, and headers in our name. */
  readonly headersToRemove: readonly string[]
}

interface Ruling {
  readonly outcome: Exclude<Outcome, 'error'>
  readonly result: PolicyResult
  /** The request was refused before the policy was asked, because it can't be read. */
  readonly unreadable: boolean
}

export interface DeciderOptions {
  readonly identifier: Pick<Identifier, 'identify'>
  /** The policies that decide now; undefined while there are none. */
  readonly policy: () => ActivePolicy | undefined
  readonly journal: Pick<Journal, 'append'>
  /** Reads gRPC bodies; without it they stay unread. */
  readonly grpcMessages?: GrpcMessages | undefined
  /** Requests that may be decided at the same time; more get `overloaded`. */
  readonly requestsMax: number
  /** Denials are recorded, and not enforced. Default: false. */
  readonly dryRun?: boolean
  readonly events: DecideEvents
  /** Default: what docs/ambiguities.md says. */
  readonly ambiguities?: AmbiguityRules
}

/** What the decider reports; see events.ts. */
export interface DecideEvents {
  decided(outcome: Outcome, request: DecisionRequest): void
  faulted(fault: AuthzError, request: DecisionRequest): void
  ambiguous(finding: AmbiguityFinding): void
}

/** The HTTP status of each fault: 503 where another copy, or a later try, may do better. */
export const FAULT_STATUS: Readonly<Record<AuthzErrorCode, number>> = {
  request_unreadable: 400,
  question_malformed: 400,
  policy_path_unknown: 404,
  descriptor_invalid: 500,
  policy_failed: 500,
  decision_undefined: 500,
  decision_invalid: 500,
  route_invalid: 500,
  internal: 500,
  identity_unavailable: 503,
  policy_missing: 503,
  record_failed: 503,
  overloaded: 503,
  deadline_exceeded: 503,
}

/** Nobody waits for the first; the second says that there can be no record. */
const UNRECORDED: ReadonlySet<AuthzErrorCode> = new Set([
  AuthzErrorCode.deadlineExceeded,
  AuthzErrorCode.recordFailed,
])

/** What a denial is told as where its status would be taken for an allowance or a fault. */
const STATUS_DENIED = 403

/**
 * The path of a decision, the same for every protocol: canonicalise, identify, evaluate, record,
 * commit. Nothing is answered that is not on record.
 */
export class Decider {
  readonly #options: DeciderOptions
  readonly #ambiguities: AmbiguityRules
  #inFlight = 0

  constructor(options: DeciderOptions) {
    this.#options = options
    this.#ambiguities = options.ambiguities ?? new AmbiguityRules(DEFAULT_CHOICES)
  }

  /** Requests that are being decided. */
  get inFlight(): number {
    return this.#inFlight
  }

  /**
   * Decides a request. Where the identity is remembered nothing waits before the record.
   * @throws {AuthzError} as a rejection, on any fault: that is never a decision
   */
  async decide(request: DecisionRequest, caller: Caller): Promise<Answer> {
    this.#admit(request)
    this.#inFlight++
    const timeMs = Date.now()
    const findings: Findings = { id: newDecisionId(timeMs), timeMs }
    try {
      return await this.#commit(request, findings, await this.#rule(request, findings, caller))
    } catch (thrown) {
      throw await this.#fault(request, findings, thrown)
    } finally {
      this.#inFlight--
    }
  }

  #admit(request: DecisionRequest): void {
    const { requestsMax, events } = this.#options
    if (this.#inFlight < requestsMax) return
    const fault = new AuthzError(
      AuthzErrorCode.overloaded,
      `${requestsMax} requests are in flight: ask again later, or another copy`,
    )
    // Not recorded: a record for each would deepen the overload that it tells of.
    events.faulted(fault, request)
    throw fault
  }

  /** What is decided, in one turn of the event loop where the identity is remembered. */
  async #rule(request: DecisionRequest, findings: Findings, caller: Caller): Promise<Ruling> {
    try {
      const canonical = canonicalise(request.attributes?.request?.http)
      const refused = this.#judge(request, findings, canonical)
      if (refused !== undefined) return ambiguous(refused)
      const found = this.#options.identifier.identify(credentialsOf(request))
      findings.identity = found instanceof Promise ? await found : found
      if (caller.gone) throw new AuthzError(AuthzErrorCode.deadlineExceeded, 'nobody waits')
      if (findings.identity.status === IdentityStatus.invalid) {
        return unauthenticated(findings.identity)
      }
      return this.#ask(request, findings, canonical, findings.identity)
    } catch (thrown) {
      if (thrown instanceof AuthzError && thrown.code === AuthzErrorCode.requestUnreadable) {
        return unreadable(thrown)
      }
      throw thrown
    }
  }

  /** The kind of ambiguity that is refused; those that the policy is told of are findings. */
  #judge(
    { attributes }: DecisionRequest,
    findings: Findings,
    { ambiguities }: CanonicalRequest,
  ): AmbiguityKind | undefined {
    const found = this.#ambiguities.judge(ambiguities, attributes?.contextExtensions)
    if (ambiguities === 0) return undefined
    this.#options.events.ambiguous(found)
    if (found.flagged.length > 0) findings.ambiguities = found.flagged
    return found.refused
  }

  /** Asks the policy. */
  #ask(
    { attributes }: DecisionRequest,
    findings: Findings,
    canonical: CanonicalRequest,
    identity: Identity,
  ): Ruling {
    const body = parseBody(attributes?.request?.http, {
      messages: this.#options.grpcMessages,
      parsedPath: canonical.parsedPath,
    })
    const policy = this.#options.policy()
    if (policy === undefined) {
      throw new AuthzError(AuthzErrorCode.policyMissing, 'no policy is active yet')
    }
    findings.policy = policy
    const input = buildInput(attributes, canonical, body, identity)
    if (findings.ambiguities !== undefined) input.ambiguities = findings.ambiguities
    const result = readResult(evaluate(policy, input))
    return { outcome: result.allowed ? Outcome.allow : Outcome.deny, result, unreadable: false }
  }

  async #commit(request: DecisionRequest, findings: Findings, ruling: Ruling): Promise<Answer> {
    const { outcome, result } = ruling
    const status = toldStatus(request, result)
    const enforced = outcome === Outcome.allow || this.#options.dryRun !== true
    const verdict = { outcome, reason: result.reason, status, enforced }
    const record = recordOf(request, findings, verdict)
    try {
      await this.#options.journal.append((position) => encodeRecord(record, position))
    } catch (thrown) {
      const why = `the decision can't be recorded: ${messageOf(thrown)}`
      throw new AuthzError(AuthzErrorCode.recordFailed, why, { cause: thrown })
    }
    this.#options.events.decided(outcome, request)
    const told = enforced ? ruling : unenforced(ruling)
    return {
      ...told,
      id: findings.id,
      status: enforced ? status : told.result.status,
      headersToRemove: told.result.allowed ? removedHeaders(request, told.result) : NO_HEADERS,
    }
  }

  /** Records a fault where that is possible, and makes of it what the caller is told. */
  async #fault(request: DecisionRequest, findings: Findings, thrown: unknown): Promise<AuthzError> {
    const fault =
      thrown instanceof AuthzError
        ? thrown
        : new AuthzError(AuthzErrorCode.internal, messageOf(thrown), { cause: thrown })
    const { code, message } = fault
    this.#options.events.faulted(fault, request)
    if (UNRECORDED.has(code)) return fault
    const verdict = { outcome: Outcome.error, reason: code, status: FAULT_STATUS[code] }
    const record = recordOf(request, findings, verdict)
    try {
      await this.#options.journal.append((position) => encodeRecord(record, position))
    } catch {
      // The caller gets no decision either way; the journal tells of its own fault.
      return fault
    }
    this.#options.events.decided(Outcome.error, request)
    return new AuthzError(code, message, { cause: fault, decisionId: findings.id })
  }
}

function unauthenticated({ reason }: Identity): Ruling {
  return { outcome: Outcome.unauthenticated, result: challenge(reason), unreadable: false }
}

/** Envoy cuts, or refuses, bodies that are long; what can't be read may be quoted in this one. */
const UNREADABLE_CHARS_MAX = 1_000

/** In the words of opa-envoy-plugin. */
function unreadable({ message }: AuthzError): Ruling {
  const why = `request_parse_error: ${message}`.slice(0, UNREADABLE_CHARS_MAX)
  const result = unreadableResult(why)
  return { outcome: Outcome.deny, result, unreadable: true }
}

/** Denied before anybody asks who calls: no answer to it could be right for all who read it. */
function ambiguous(kind: AmbiguityKind): Ruling {
  const reason = codeOf(kind)
  const result = { ...unreadableResult(reason), body: `${reason}: ${MEANINGS[kind]}` }
  return { outcome: Outcome.deny, result, unreadable: false }
}

const NO_HEADERS: readonly string[] = []

/** A header in our name that the client sent stays only where the policy overwrites it. */
function removedHeaders(request: DecisionRequest, result: PolicyResult): readonly string[] {
  const own = ownHeadersOf(request.attributes?.request?.http)
  if (own.length === 0) return result.headersToRemove
  const overwritten = new Set(result.headers.map(([name]) => name.toLowerCase()))
  const forged = own.filter((name) => !overwritten.has(name.toLowerCase()))
  return [...result.headersToRemove, ...forged]
}

function toldStatus(request: DecisionRequest, { allowed, status }: PolicyResult): number {
  if (allowed || !request.verdictIsStatus) return status
  return status < 300 || status >= 500 ? STATUS_DENIED : status
}
