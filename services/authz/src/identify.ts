import { hash } from 'node:crypto'
import {
  type IdentifyReply,
  type IdentifyRequest,
  type Identity,
  IdentityStatus,
  messageOf,
} from '@verdict/contract'
import { AuthzError, AuthzErrorCode } from './errors.ts'
import { type DecisionRequest, headerOf } from './request.ts'

/** What the identifier reports; see events.ts. */
export interface IdentifyEvents {
  identityCacheHit(): void
  identityCacheMiss(): void
}

export interface IdentifierOptions {
  /** Sends an IdentifyRequest to authn, and rejects within bounded time. */
  readonly ask: (payload: Uint8Array) => Promise<Uint8Array>
  /** Identities that are remembered; beyond it the one that was used longest ago is forgotten. */
  readonly entriesMax: number
  readonly events: IdentifyEvents
  /** Default: the clock. */
  readonly now?: () => number
}

interface Entry {
  readonly identity: Identity
  readonly untilMs: number
}

/**
 * Learns from authn who a caller is, and remembers it as long as authn allows. Callers with the
 * same credentials share one question.
 */
export class Identifier {
  readonly #options: IdentifierOptions
  readonly #now: () => number
  /** By the hash of the credentials, least recently used first. */
  readonly #entries = new Map<string, Entry>()
  readonly #asked = new Map<string, Promise<Identity>>()

  constructor(options: IdentifierOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /**
   * Answers at once where the identity is remembered: the decision then needs no turn of the event
   * loop before its record.
   * @throws {AuthzError} `identity_unavailable`, as a rejection
   */
  identify(credentials: IdentifyRequest): Identity | Promise<Identity> {
    const key = keyOf(credentials)
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      this.#entries.delete(key)
      if (entry.untilMs > this.#now()) {
        this.#entries.set(key, entry)
        this.#options.events.identityCacheHit()
        return entry.identity
      }
    }
    this.#options.events.identityCacheMiss()
    return this.#asked.get(key) ?? this.#ask(key, credentials)
  }

  #ask(key: string, credentials: IdentifyRequest): Promise<Identity> {
    const asked = this.#question(key, credentials).finally(() => this.#asked.delete(key))
    this.#asked.set(key, asked)
    return asked
  }

  async #question(key: string, credentials: IdentifyRequest): Promise<Identity> {
    const reply = await this.#options
      .ask(Buffer.from(JSON.stringify(credentials)))
      .then(readReply)
      .catch((thrown: unknown) => {
        throw unavailable(messageOf(thrown), thrown)
      })
    if ('error' in reply) throw unavailable(`${reply.error.code}: ${reply.error.message}`)
    this.#remember(key, { identity: reply.identity, untilMs: reply.cacheUntilMs })
    return reply.identity
  }

  #remember(key: string, entry: Entry): void {
    if (entry.untilMs <= this.#now()) return
    this.#entries.set(key, entry)
    if (this.#entries.size <= this.#options.entriesMax) return
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }
}

/** What a request says of its caller, in the order in which it is hashed. */
export function credentialsOf({ attributes }: DecisionRequest): IdentifyRequest {
  const http = attributes?.request?.http
  const authorization = headerOf(http, 'authorization')
  const sourcePrincipal = attributes?.source?.principal
  const forwardedClientCert = headerOf(http, 'x-forwarded-client-cert')
  return {
    ...(authorization === undefined ? undefined : { authorization }),
    ...(sourcePrincipal === undefined ? undefined : { sourcePrincipal }),
    ...(forwardedClientCert === undefined ? undefined : { forwardedClientCert }),
  }
}

/** Lengths keep two different sets of credentials from having one text. */
function keyOf(credentials: IdentifyRequest): string {
  const { authorization: a, sourcePrincipal: b, forwardedClientCert: c } = credentials
  return hash('sha256', `${a?.length}:${b?.length}:${c?.length}:${a}${b}${c}`, 'base64')
}

function readReply(payload: Uint8Array): IdentifyReply {
  const reply: unknown = JSON.parse(Buffer.from(payload).toString('utf8'))
  if (isObject(reply)) {
    if (isObject(reply['error'])) return reply as unknown as IdentifyReply
    const { identity, cacheUntilMs } = reply
    if (isObject(identity) && typeof cacheUntilMs === 'number') {
      const statuses: readonly unknown[] = Object.values(IdentityStatus)
      if (statuses.includes(identity['status'])) return reply as unknown as IdentifyReply
    }
  }
  throw new TypeError('the answer of authn is no identity')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function unavailable(why: string, cause?: unknown): AuthzError {
  return new AuthzError(AuthzErrorCode.identityUnavailable, `authn can't tell who calls: ${why}`, {
    cause,
  })
}
