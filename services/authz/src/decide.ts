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
import { Admission } from './admission.ts'
import { parseBody } from './body/body.ts'
import type { GrpcMessages } from './body/grpc-body.ts'
import {
  type AmbiguityFinding,
  type AmbiguityKind,
  AmbiguityRules,
  DEFAULT_CHOICES,
} from './canonicalise/ambiguity.ts'
import { type CanonicalRequest, canonicalise } from './canonicalise/canonicalise.ts'
import { DECISION_TIMEOUT_MS, Deadlines, Waiter } from './deadline.ts'
import { unenforced } from './dry-run.ts'
import { AuthzError, AuthzErrorCode } from './errors.ts'
import { type ActivePolicy, evaluate } from './evaluate.ts'
import { FAULT_STATUS, faultOf, GONE, UNRECORDED } from './fault.ts'
import { credentialsOf, type Identifier } from './identify.ts'
import { buildInput, routeInput } from './input.ts'
import { type Findings, recordOf } from './record.ts'
import type { Caller, DecisionRequest } from './request.ts'
import { readResult } from './result/read-result.ts'
import { settleHeaders } from './result/settle-headers.ts'
import { type ChosenPolicy, choosePolicy } from './route/choose.ts'
import {
  ambiguous,
  type Ruling,
  removedHeaders,
  toldStatus,
  unauthenticated,
  unreadable,
} from './ruling.ts'

/** A decision that is on record: what the adapter tells the caller. */
export interface Answer extends Ruling {
  readonly id: DecisionId
  /** The HTTP status that the caller is told. */
  readonly status: number
  /** What the upstream must not see: what the policy says, and headers in our name. */
  readonly headersToRemove: readonly string[]
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
  /** The longest that a caller waits for any decision. Default: DECISION_TIMEOUT_MS. */
  readonly decisionTimeoutMs?: number
  /** Bodies are not read, and the policy gets none of them. Default: false. */
  readonly skipBodyParse?: boolean
  /** Denials are recorded, and not enforced. Default: false. */
  readonly dryRun?: boolean
  readonly events: DecideEvents
  /** Default: what docs/ambiguities.md says. */
  readonly ambiguities?: AmbiguityRules
}

/** What the decider reports; see events.ts. */
export interface DecideEvents {
  decided(outcome: Outcome, request: DecisionRequest, unreadable: boolean): void
  faulted(fault: AuthzError, request: DecisionRequest): void
  /** The policy gave its decision, or none, anew or from what it remembers. */
  evaluated(remembered: boolean): void
  ambiguous(finding: AmbiguityFinding): void
}

/**
 * The path of a decision, the same for every protocol: canonicalise, identify, evaluate, record,
 * commit. Nothing is answered that is not on record.
 */
export class Decider {
  readonly #options: DeciderOptions
  readonly #ambiguities: AmbiguityRules
  readonly #timeoutMs: number
  readonly #admission: Admission
  readonly #deadlines = new Deadlines()

  constructor(options: DeciderOptions) {
    this.#options = options
    this.#ambiguities = options.ambiguities ?? new AmbiguityRules(DEFAULT_CHOICES)
    this.#timeoutMs = options.decisionTimeoutMs ?? DECISION_TIMEOUT_MS
    this.#admission = new Admission({ requestsMax: options.requestsMax })
  }

  /** Requests that are being decided. */
  get inFlight(): number {
    return this.#admission.underWay
  }

  /**
   * Decides a request. Where the identity is remembered nothing waits before the record. What
   * nobody waits for any more is neither recorded nor answered; where the time passes while the
   * record becomes durable, the decision is on record and the caller got `deadline_exceeded`.
   * @throws {AuthzError} as a rejection, on any fault: that is never a decision
   */
  async decide(request: DecisionRequest, caller: Caller): Promise<Answer> {
    const waiter = new Waiter(caller, request.receivedMs + this.#timeoutMs)
    try {
      const decided = this.#admission.admit(waiter, () => this.#decide(request, waiter))
      return await this.#deadlines.bound(waiter, decided)
    } catch (thrown) {
      const fault = faultOf(thrown)
      if (UNRECORDED.has(fault.code)) this.#options.events.faulted(fault, request)
      throw fault
    }
  }

  async #decide(request: DecisionRequest, waiter: Waiter): Promise<Answer> {
    const timeMs = Date.now()
    const findings: Findings = { id: newDecisionId(timeMs), timeMs }
    try {
      const ruling = await this.#rule(request, findings, waiter)
      if (waiter.gone) throw GONE
      return await this.#commit(request, findings, ruling, waiter)
    } catch (thrown) {
      throw await this.#fault(request, findings, faultOf(thrown), waiter)
    }
  }

  /** What is decided, in one turn of the event loop where the identity is remembered. */
  async #rule(request: DecisionRequest, findings: Findings, waiter: Waiter): Promise<Ruling> {
    try {
      const canonical = canonicalise(request.attributes?.request?.http)
      const policy = this.#choose(request, canonical)
      const refused = this.#judge(request, findings, canonical, policy)
      if (refused !== undefined) return ambiguous(refused)
      const found = this.#options.identifier.identify(credentialsOf(request))
      if (!(found instanceof Promise)) return this.#ask(request, findings, canonical, policy, found)
      const identity = await found
      // Many may have waited for authn; they take turns with those that came since.
      return await this.#admission.turn(waiter, () => {
        if (waiter.gone) throw GONE
        return this.#ask(request, findings, canonical, policy, identity)
      })
    } catch (thrown) {
      if (thrown instanceof AuthzError && thrown.code === AuthzErrorCode.requestUnreadable) {
        return unreadable(thrown)
      }
      throw thrown
    }
  }

  /** The policies of this moment, and which rule of theirs decides; undefined without any. */
  #choose(request: DecisionRequest, canonical: CanonicalRequest): ChosenPolicy | undefined {
    const active = this.#options.policy()
    if (active === undefined) return undefined
    return choosePolicy(
      active,
      request,
      canonical,
      this.#ambiguities.flagged(canonical.ambiguities),
    )
  }

  /** The kind of ambiguity that is refused; those that the policy is told of are findings. */
  #judge(
    { attributes }: DecisionRequest,
    findings: Findings,
    { ambiguities }: CanonicalRequest,
    policy: ChosenPolicy | undefined,
  ): AmbiguityKind | undefined {
    const route = policy?.route?.ambiguities
    const found = this.#ambiguities.judge(ambiguities, attributes?.contextExtensions, route)
    if (ambiguities === 0) return undefined
    const refused = found.refused ?? policy?.disputed
    this.#options.events.ambiguous({ ...found, refused })
    if (found.flagged.length > 0) findings.ambiguities = found.flagged
    return refused
  }

  /** Asks the policy, where the identity is one to ask it about. */
  #ask(
    { attributes }: DecisionRequest,
    findings: Findings,
    canonical: CanonicalRequest,
    policy: ChosenPolicy | undefined,
    identity: Identity,
  ): Ruling {
    findings.identity = identity
    if (identity.status === IdentityStatus.invalid) return unauthenticated(identity)
    const { skipBodyParse = false, grpcMessages: messages } = this.#options
    const { parsedPath } = canonical
    const body =
      (policy?.route?.skipBody ?? skipBodyParse)
        ? undefined
        : parseBody(attributes?.request?.http, { messages, parsedPath })
    if (policy === undefined) {
      throw new AuthzError(AuthzErrorCode.policyMissing, 'no policy is active yet')
    }
    findings.policy = policy
    const input = buildInput(attributes, canonical, body, identity)
    if (findings.ambiguities !== undefined) input.ambiguities = findings.ambiguities
    if (policy.route !== undefined) input.route = routeInput(policy.route)
    const decision = evaluate(policy, input)
    findings.units = policy.policy.spent
    this.#options.events.evaluated(policy.policy.remembered)
    const result = settleHeaders(readResult(decision), attributes?.request?.http)
    return { outcome: result.allowed ? Outcome.allow : Outcome.deny, result, unreadable: false }
  }

  async #commit(
    request: DecisionRequest,
    findings: Findings,
    ruling: Ruling,
    waiter: Waiter,
  ): Promise<Answer> {
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
    this.#options.events.decided(outcome, request, ruling.unreadable)
    if (waiter.gone) throw GONE
    const told = enforced ? ruling : unenforced(ruling)
    return {
      ...told,
      id: findings.id,
      status: enforced ? status : told.result.status,
      headersToRemove: told.result.allowed ? removedHeaders(request, told.result) : NO_HEADERS,
    }
  }

  /** Records a fault where that is possible, and makes of it what the caller is told. */
  async #fault(
    request: DecisionRequest,
    findings: Findings,
    fault: AuthzError,
    waiter: Waiter,
  ): Promise<AuthzError> {
    const { code, message } = fault
    if (waiter.gone) return GONE
    if (UNRECORDED.has(code)) return fault
    this.#options.events.faulted(fault, request)
    const verdict = { outcome: Outcome.error, reason: code, status: FAULT_STATUS[code] }
    const record = recordOf(request, findings, verdict)
    try {
      await this.#options.journal.append((position) => encodeRecord(record, position))
    } catch {
      // The caller gets no decision either way; the journal tells of its own fault.
      return fault
    }
    this.#options.events.decided(Outcome.error, request, false)
    return new AuthzError(code, message, { cause: fault, decisionId: findings.id })
  }
}

const NO_HEADERS: readonly string[] = []
