import { ask, type NatsConnection } from '@verdict/bus'
import {
  AUDIT_ANSWERS,
  type CheckAnswer,
  type CheckQuery,
  type DecisionId,
  isDecisionId,
  messageOf,
  subjects,
} from '@verdict/contract'
import type { Access, AccessQuestion, Authorizer } from './authorizer.ts'

/** The destination of the decisions about the log: policies know it by this name. */
export const AUDIT_SERVICE = 'verdict-audit'
/** Longer than a decision takes at worst, the question to authn included; then there is none. */
export const AUTHORIZATION_TIMEOUT_MS = 2_000
/** Questions under way; one more is answered as when authz is out of reach. */
export const AUTHORIZATIONS_MAX = 256

export interface PolicyAuthorizerOptions {
  /** Undefined while there is no bus. */
  readonly connection: () => NatsConnection | undefined
  /** Default: AUTHORIZATION_TIMEOUT_MS. */
  readonly timeoutMs?: number
}

/**
 * Asks the decision points of the cluster, by the policies that are in force there. They put each
 * decision on the record before they answer: so reading the log is in the log.
 */
export class PolicyAuthorizer implements Authorizer {
  readonly #options: PolicyAuthorizerOptions
  #underWay: number = 0

  constructor(options: PolicyAuthorizerOptions) {
    this.#options = options
  }

  async authorize(question: AccessQuestion): Promise<Access> {
    if (this.#underWay >= AUTHORIZATIONS_MAX) return unknown('too many questions are under way')
    this.#underWay++
    try {
      return accessOf(await this.#ask(question))
    } catch (error) {
      return unknown(messageOf(error))
    } finally {
      this.#underWay--
    }
  }

  async #ask(question: AccessQuestion): Promise<unknown> {
    const nc = this.#options.connection()
    if (nc === undefined) throw new Error('there is no connection to the bus yet')
    const { timeoutMs = AUTHORIZATION_TIMEOUT_MS } = this.#options
    const payload = Buffer.from(JSON.stringify(queryOf(question, timeoutMs)))
    const inbox = AUDIT_ANSWERS
    const reply = await ask(nc, subjects.check, payload, { timeoutMs, inbox })
    return JSON.parse(Buffer.from(reply).toString('utf8'))
  }
}

function queryOf(question: AccessQuestion, timeoutMs: number): CheckQuery {
  const { address, authorization, method, path, requestId, traceparent } = question
  return {
    method,
    path,
    host: AUDIT_SERVICE,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(requestId !== undefined && { 'x-request-id': requestId }),
      ...(traceparent !== undefined && { traceparent }),
    },
    source: { address },
    destination: { service: AUDIT_SERVICE },
    timeoutMs,
  }
}

/** Only what is an allowance to the letter is one. */
function accessOf(answer: unknown): Access {
  const { enforced, error, id, outcome, reason, headers, status } = (answer ?? {}) as Partial<
    Exclude<CheckAnswer, { error: unknown }> & Extract<CheckAnswer, { error: unknown }>
  >
  if (error !== undefined) return unknown(`${error.code}: ${error.message}`)
  if (!isDecision(id)) return unknown('what authz answers is no decision')
  // A decision point that tries a policy lets everyone through: that is for its gateways.
  if (outcome === 'allow' && enforced !== undefined) {
    return { allowed: false, status: 403, reason: `not enforced: ${reason}`, decision: id }
  }
  if (outcome === 'allow') return { allowed: true, decision: id }
  if (outcome !== 'deny' && outcome !== 'unauthenticated') {
    return unknown('what authz answers is no decision')
  }
  const challenge = challengeIn(headers)
  const isLogin = outcome === 'unauthenticated' || status === 401 || challenge !== undefined
  return {
    allowed: false,
    status: isLogin ? 401 : 403,
    reason: typeof reason === 'string' ? reason : outcome,
    decision: id,
    ...(isLogin && { challenge: challenge ?? 'Bearer' }),
  }
}

function isDecision(id: unknown): id is DecisionId {
  return typeof id === 'string' && isDecisionId(id)
}

/** A header of the policy's answer; its names come in any case. */
function challengeIn(headers: unknown): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined
  const [, value] =
    Object.entries(headers).find(([name]) => name.toLowerCase() === 'www-authenticate') ?? []
  // It becomes a header of ours: a line end in it would make two of it.
  return typeof value === 'string' && /^[\x20-\x7e]+$/.test(value) ? value : undefined
}

function unknown(reason: string): Access {
  return { allowed: false, status: 503, reason }
}
