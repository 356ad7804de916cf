import {
  errorBody,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  HttpErrorCode,
} from '@verdict/service'
import { AuditErrorCode } from '../errors.ts'
import type { Access, AccessQuestion, Authorizer } from './authorizer.ts'
import { isOpen } from './open-paths.ts'

/** A stream is authorized again after this long, and ends where it is not. */
export const REAUTHORIZATION_MS = 5 * 60_000
/** The decision about the request, for whoever asks the log why it answered. */
export const DECISION_HEADER = 'verdict-decision-id'
/** A header that is longer is nothing that a decision point puts on record. */
const REQUEST_ID_CHARS_MAX = 200

export interface GuardOptions {
  readonly authorizer: Authorizer
  /** Who asks for what was authorized, or not. */
  readonly onAccess: (access: Access, question: AccessQuestion) => void
  /** Default: REAUTHORIZATION_MS. */
  readonly reauthorizationMs?: number
}

/** Lets nobody to a route of the log before the policy allows it. */
export class Guard {
  readonly #options: GuardOptions
  readonly #accesses = new WeakMap<FastifyRequest, Access>()

  constructor(options: GuardOptions) {
    this.#options = options
  }

  /** Guards all routes, also those that are added later. */
  addTo(http: FastifyInstance): void {
    http.addHook('onRequest', async (request, reply) => {
      if (isOpen(request.method, request.routeOptions.url, request.url)) return undefined
      const access = await this.#authorize(request)
      if (!access.allowed) return refuse(reply, access)
      this.#accesses.set(request, access)
      if (access.decision !== undefined) reply.header(DECISION_HEADER, access.decision)
      return undefined
    })
    http.addHook('onSend', async (request, reply) => {
      if (this.decisionOf(request) === undefined) return
      // What one reader may see a proxy must not show to another.
      const caching = String(reply.getHeader('cache-control') ?? 'no-store')
      reply.header('cache-control', caching.replace(/\bpublic\b/, 'private'))
    })
  }

  /** Whether a request was let through to what is guarded. */
  hasAllowed(request: FastifyRequest): boolean {
    return this.#accesses.has(request)
  }

  /** The decision that let a request through; undefined where nobody was asked. */
  decisionOf(request: FastifyRequest): string | undefined {
    const access = this.#accesses.get(request)
    return access?.allowed ? access.decision : undefined
  }

  /** Aborts when a request that lasts is not authorized any more; disposing ends the asking. */
  watch(request: FastifyRequest): { readonly signal: AbortSignal } & Disposable {
    const lost = new AbortController()
    const { reauthorizationMs = REAUTHORIZATION_MS } = this.#options
    const timer = setInterval(async () => {
      const access = await this.#authorize(request)
      if (!access.allowed) lost.abort()
    }, reauthorizationMs)
    return { signal: lost.signal, [Symbol.dispose]: () => clearInterval(timer) }
  }

  async #authorize(request: FastifyRequest): Promise<Access> {
    const question = questionOf(request)
    const access = await this.#options.authorizer.authorize(question)
    this.#options.onAccess(access, question)
    return access
  }
}

function questionOf({ headers, ip, method, url }: FastifyRequest): AccessQuestion {
  const { authorization, traceparent } = headers
  const requestId = headers['x-request-id']
  return {
    method,
    path: url,
    address: ip,
    ...(authorization !== undefined && { authorization }),
    ...(isShort(requestId) && { requestId }),
    ...(isShort(traceparent) && { traceparent }),
  }
}

function isShort(value: string | string[] | undefined): value is string {
  return typeof value === 'string' && value.length <= REQUEST_ID_CHARS_MAX
}

function refuse(reply: FastifyReply, access: Access & { allowed: false }): FastifyReply {
  const { reason, status } = access
  reply.code(status).header('cache-control', 'no-store')
  if (status === 503) {
    const message = `nobody could decide who may read the log (${reason}): ask again`
    return reply.send(errorBody(AuditErrorCode.authorizationUnavailable, message))
  }
  reply.header(DECISION_HEADER, access.decision)
  if (status === 401) {
    if (access.challenge !== undefined) reply.header('www-authenticate', access.challenge)
    const message = `who reads the log must say who it is (\`${reason}\`): send a bearer token`
    return reply.send(errorBody(HttpErrorCode.unauthenticated, message))
  }
  const message = `the policy does not let you do this (\`${reason}\`, decision ${access.decision})`
  return reply.send(errorBody(HttpErrorCode.forbidden, message))
}
