import { type Identity, IdentityStatus, newDecisionId, Outcome } from '@verdict/contract'
import { Admission } from './admission.ts'
import { askFetching, askPolicy, type Waiting } from './ask-policy.ts'
import { parseBody } from './body/body.ts'
import type { GrpcMessages } from './body/grpc-body.ts'
import {
  type AmbiguityFinding,
  type AmbiguityKind,
  AmbiguityRules,
  DEFAULT_CHOICES,
} from './canonicalise/ambiguity.ts'
import { type CanonicalRequest, canonicalise } from './canonicalise/canonicalise.ts'
import { type Answer, Commit, type CommitEvents, type CommitOptions } from './commit.ts'
import { DECISION_TIMEOUT_MS, Deadlines, Waiter } from './deadline.ts'
import { AuthzError, AuthzErrorCode } from './errors.ts'
import type { ActivePolicies } from './evaluate.ts'
import { faultOf, GONE, UNRECORDED } from './fault.ts'
import { credentialsOf, type Identifier } from './identify.ts'
import { buildInput, routeInput } from './input.ts'
import type { Findings } from './record.ts'
import type { Caller, DecisionRequest } from './request.ts'
import { readResult } from './result/read-result.ts'
import { settleHeaders } from './result/settle-headers.ts'
import { type ChosenPolicy, choosePolicy } from './route/choose.ts'
import { ambiguous, type Ruling, unauthenticated, unreadable } from './ruling.ts'

export type { Answer } from './commit.ts'

export interface DeciderOptions extends CommitOptions {
  readonly identifier: Pick<Identifier, 'identify'>
  /** The policies that decide now; undefined while there are none. */
  readonly policy: () => ActivePolicies | undefined
  /** Reads gRPC bodies; without it they stay unread. */
  readonly grpcMessages?: GrpcMessages | undefined
  /** Requests that may be decided at the same time; more get `overloaded`. */
  readonly requestsMax: number
  /** The longest that a caller waits for any decision. Default: DECISION_TIMEOUT_MS. */
  readonly decisionTimeoutMs?: number
  /** Bodies are not read, and the policy gets none of them. Default: false. */
  readonly skipBodyParse?: boolean
  /** The input of the policy is recorded, with credentials masked. Default: true. */
  readonly recordInput?: boolean
  readonly events: DecideEvents
  /** Default: what docs/ambiguities.md says. */
  readonly ambiguities?: AmbiguityRules
}

/** A request on its way to the policy. */
interface Asked {
  readonly request: DecisionRequest
  readonly findings: Findings
  readonly canonical: CanonicalRequest
  readonly policy: ChosenPolicy | undefined
  readonly waiter: Waiter
}

/** What the decider reports; see events.ts. */
export interface DecideEvents extends CommitEvents {
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
  readonly #commit: Commit
  readonly #admission: Admission
  readonly #deadlines = new Deadlines()

  constructor(options: DeciderOptions) {
    this.#options = options
    this.#ambiguities = options.ambiguities ?? new AmbiguityRules(DEFAULT_CHOICES)
    this.#timeoutMs = options.decisionTimeoutMs ?? DECISION_TIMEOUT_MS
    this.#commit = new Commit(options)
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
    const considered = { request, findings, waiter }
    try {
      const ruling = await this.#rule(request, findings, waiter)
      if (waiter.gone) throw GONE
      return await this.#commit.decision(considered, ruling)
    } catch (thrown) {
      throw await this.#commit.fault(considered, faultOf(thrown))
    }
  }

  /** What is decided, in one turn of the event loop where the identity is remembered. */
  async #rule(request: DecisionRequest, findings: Findings, waiter: Waiter): Promise<Ruling> {
    try {
      const canonical = canonicalise(request.attributes?.request?.http)
      const policy = this.#choose(request, canonical)
      findings.recordClass = policy?.route?.recordClass
      const refused = this.#judge(request, findings, canonical, policy)
      if (refused !== undefined) return ambiguous(refused)
      const found = this.#options.identifier.identify(credentialsOf(request))
      const asked = { request, findings, canonical, policy, waiter }
      if (!(found instanceof Promise)) return this.#ask(asked, found)
      const identity = await found
      // Many may have waited for authn; they take turns with those that came since.
      return await this.#admission.turn(waiter, () => {
        if (waiter.gone) throw GONE
        return this.#ask(asked, identity)
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
    { request, findings, canonical, policy, waiter }: Asked,
    identity: Identity,
  ): Ruling | Promise<Ruling> {
    const { attributes } = request
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
    const ruled = (decision: unknown, isRemembered: boolean): Ruling => {
      this.#options.events.evaluated(isRemembered)
      const result = settleHeaders(readResult(decision), attributes?.request?.http)
      return { outcome: result.allowed ? Outcome.allow : Outcome.deny, result, unreadable: false }
    }
    const { recordInput = true } = this.#options
    const question = { policy, input, findings, recordInput }
    const { fetching } = policy.policy
    if (fetching?.has(policy.entrypoint)) {
      const decided = askFetching(fetching, question, this.#waiting(waiter))
      return decided.then((decision) => ruled(decision, false))
    }
    const decision = askPolicy(question)
    return ruled(decision, policy.policy.remembered)
  }

  /** Between the evaluations of one request others take turns. */
  #waiting(waiter: Waiter): Waiting {
    const turn: Waiting['turn'] = (evaluateAgain) =>
      this.#admission.turn(waiter, () => {
        if (waiter.gone) throw GONE
        return evaluateAgain()
      })
    return { deadlineMs: waiter.deadlineMs, turn }
  }
}
