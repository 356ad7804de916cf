import { setTimeout } from 'node:timers/promises'
import { PolicyError, PolicyErrorCode } from '../errors.ts'
import { addressesOf } from './addresses.ts'
import { FetchCache } from './cache.ts'
import { Connections, type HttpResponse } from './exchange.ts'
import { freshUntilMs } from './freshness.ts'
import { firstOf, type ResponseHeaders } from './headers.ts'
import type { AllowedHosts, Reach } from './hosts.ts'
import {
  type Answer,
  FailureCode,
  FetchFailure,
  type HttpQuestion,
  type Question,
} from './question.ts'
import { redirected } from './redirect.ts'
import type { HttpRequest } from './request.ts'
import { responseValue } from './response.ts'
import type { Target } from './target.ts'

/** Questions that are under way in this process; more fail their evaluation. */
export const FETCHES_UNDER_WAY_MAX = 256
/** As many as Go follows by itself; OPA follows without an end. */
export const REDIRECTS_MAX = 10
/** Between two attempts: the first, and how much longer each is than the one before it. */
const RETRY_DELAY_MS = 160
const RETRY_FACTOR = 1.6
const RETRY_DELAY_MS_MAX = 60_000
const NS_PER_MS = 1_000_000n

export interface FetcherOptions {
  readonly hosts: AllowedHosts
  /** For answers that are kept for other evaluations; default `FETCH_CACHE_BYTES_MAX`. */
  readonly cacheBytesMax?: number
  /** A policy wants to ask a host that is not among the allowed ones, and gets no answer. */
  readonly onRefusedHost?: (host: string) => void
}

/** Asks other services for what policies want to know: of the hosts that are allowed, no others. */
export class Fetcher {
  readonly #hosts: AllowedHosts
  readonly #cache: FetchCache
  readonly #connections = new Connections()
  readonly #onRefusedHost: (host: string) => void
  #underWay = 0

  constructor({ hosts, cacheBytesMax, onRefusedHost }: FetcherOptions) {
    this.#hosts = hosts
    this.#cache = new FetchCache(cacheBytesMax)
    this.#onRefusedHost = onRefusedHost ?? (() => {})
  }

  /** An answer that is there already: one that is fresh, or that the host is not allowed. */
  find(question: Question, nowNs: bigint): Answer | undefined {
    if (question.kind === 'lookup') {
      if (this.#hosts.names(question.hostname)) return undefined
      return { failure: this.#refused(question.hostname, FailureCode.internal) }
    }
    try {
      this.#reach(question.request, FailureCode.internal)
    } catch (failure) {
      if (failure instanceof FetchFailure) return { failure }
      throw failure
    }
    const kept = question.caching && this.#cache.get(question.key)
    const isFresh = kept !== undefined && Number(nowNs / NS_PER_MS) < kept.freshUntilMs
    return isFresh ? { value: kept.value, bytes: kept.response.body.length } : undefined
  }

  /**
   * Asks; whatever goes wrong is the answer.
   * @throws what the signal was aborted with
   */
  async fetch(question: Question, signal: AbortSignal): Promise<Answer> {
    if (this.#underWay >= FETCHES_UNDER_WAY_MAX) return { fault: overloaded() }
    this.#underWay++
    try {
      if (question.kind === 'lookup') return await addressesOf(question.hostname)
      return await this.#ask(question, signal)
    } catch (thrown) {
      signal.throwIfAborted()
      if (thrown instanceof FetchFailure) return { failure: thrown }
      if (thrown instanceof PolicyError) return { fault: thrown }
      throw thrown
    } finally {
      this.#underWay--
    }
  }

  async #ask(question: HttpQuestion, signal: AbortSignal): Promise<Answer> {
    const { key, caching, request } = question
    const known = caching && (await this.#revalidated(question, signal))
    const response = known?.response ?? (await this.#send(request, signal))
    const value = responseValue(response, request.decoding)
    const told = { ...response, headers: known?.told ?? response.headers }
    const untilMs = caching && freshUntilMs(told, caching, Date.now())
    if (untilMs !== undefined) this.#cache.set(key, { response, value, freshUntilMs: untilMs })
    return { value, bytes: response.body.length }
  }

  /** What was kept and is not fresh, where the server says that it is still so; or a new one. */
  async #revalidated(
    { key, request }: HttpQuestion,
    signal: AbortSignal,
  ): Promise<Revalidated | undefined> {
    const response = this.#cache.get(key)?.response
    this.#cache.delete(key)
    if (response === undefined) return undefined
    const conditions = [
      ['if-none-match', firstOf(response.headers, 'etag')] as const,
      ['if-modified-since', firstOf(response.headers, 'last-modified')] as const,
    ].filter(([, value]) => value !== '')
    if (conditions.length === 0) return undefined
    const stated = new Set<string>(conditions.map(([name]) => name))
    const others = request.headers.filter(([name]) => !stated.has(name.toLowerCase()))
    const came = await this.#send({ ...request, headers: [...others, ...conditions] }, signal)
    if (came.statusCode === 200) return { response: came, told: came.headers }
    if (came.statusCode !== 304) return undefined
    const headers = new Map([...response.headers, ...came.headers])
    return { response: { ...response, headers }, told: came.headers }
  }

  async #send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(request, signal)
      } catch (thrown) {
        signal.throwIfAborted()
        const isLast = attempt >= request.retriesMax
        const isOfNetwork = thrown instanceof FetchFailure && thrown.code === FailureCode.network
        if (isLast || !isOfNetwork) throw thrown
      }
      const delayMs = attempt === 0 ? 0 : RETRY_DELAY_MS * RETRY_FACTOR ** (attempt - 1)
      await setTimeout(Math.min(delayMs, RETRY_DELAY_MS_MAX), undefined, { signal })
    }
  }

  /** One attempt, with its redirects, within its time. */
  async #attempt(request: HttpRequest, ending: AbortSignal): Promise<HttpResponse> {
    const timeout =
      request.timeoutMs === undefined ? undefined : AbortSignal.timeout(request.timeoutMs)
    const signal = timeout === undefined ? ending : AbortSignal.any([ending, timeout])
    try {
      let hop = request
      for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
        const reach = this.#reach(hop, FailureCode.network)
        const response = await this.#connections.exchange(hop, reach, signal)
        const next = request.followsRedirects ? redirected(hop, response) : undefined
        if (next === undefined) return response
        hop = next
      }
    } catch (thrown) {
      if (!timeout?.aborted || thrown instanceof PolicyError) throw thrown
      const { method, target } = request
      const code = thrown instanceof FetchFailure ? thrown.code : FailureCode.network
      const why = `${method} ${target.host}: request timed out`
      throw new FetchFailure(code, why, { cause: thrown })
    }
    const why = `stopped after ${REDIRECTS_MAX} redirects`
    throw new FetchFailure(FailureCode.network, why)
  }

  /**
   * How the request's host may be reached. The host that its headers name must be allowed as well:
   * behind one address there can be many.
   */
  #reach({ target, host }: HttpRequest, code: FailureCode): Reach {
    const { hostname, port, schemePort }: Target = target
    const reach = this.#hosts.reach(hostname, port, schemePort)
    if (reach === undefined) throw this.#refused(target.host, code)
    if (host !== undefined && !this.#hosts.names(host.replace(/:\d*$/, ''))) {
      throw this.#refused(host, code)
    }
    return reach
  }

  #refused(host: string, code: FailureCode): FetchFailure {
    this.#onRefusedHost(host)
    return new FetchFailure(code, `disallowed host: ${host}`)
  }
}

/** How long it is fresh, the headers of this answer tell, not those of the one before it. */
interface Revalidated {
  readonly response: HttpResponse
  readonly told: ResponseHeaders
}

function overloaded(): PolicyError {
  return new PolicyError(
    PolicyErrorCode.fetchOverloaded,
    `policies wait for ${FETCHES_UNDER_WAY_MAX} answers of other services already`,
  )
}
