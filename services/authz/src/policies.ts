import { setInterval } from 'node:timers/promises'
import type { VerdictError } from '@verdict/contract'
import { type FollowedPolicies, followPolicies, type Policy, PolicyError } from '@verdict/policy'
import type { CheckResult } from '@verdict/service'
import { RoutesError } from './errors.ts'
import type { ActivePolicy } from './evaluate.ts'
import type { AuthzEvents } from './events.ts'
import type { RouteTable } from './route/route-table.ts'
import { RoutesFile } from './route/routes-file.ts'

/** How often the file of routes is looked at. */
const LOOK_INTERVAL_MS = 1_000
/** Routes whose rules can't be built are tried again after this long, or with other policies. */
const RETRY_MS = 30_000

export interface PoliciesOptions {
  readonly opa: string
  /** The folder that is followed. */
  readonly sources: string
  /** The rule that decides where nothing names another. */
  readonly entrypoint: string
  /** Further rules that may be asked for by name. */
  readonly entrypoints?: readonly string[]
  /** The file of routes; their rules are built with the others. */
  readonly routes?: string | undefined
  /** Where built policies are kept, the last good ones among them. */
  readonly cacheDir: string
  /** For answers that are remembered; 0 for none. */
  readonly memoBytesMax: number
  readonly events: Pick<
    AuthzEvents,
    'policyActive' | 'policyRefused' | 'routesActive' | 'routesRefused'
  >
}

/** One set of rules that is built and followed. */
interface Following {
  readonly entrypoints: readonly string[]
  readonly stop: AbortController
  routes: RouteTable | undefined
  policies?: FollowedPolicies
}

/**
 * The policies that decide, as the folder has them or had them when they last were good, with the
 * routes that lead to them. New routes are in force once all of their rules are built.
 */
export class Policies implements AsyncDisposable {
  readonly #options: PoliciesOptions
  readonly #closing = new AbortController()
  #following: Following | undefined
  #active: ActivePolicy | undefined
  #policyRefused: PolicyError | undefined
  #routesRefused: VerdictError | undefined
  /** Routes whose rules could not be built, and when that is tried again. */
  #pending: { readonly routes: RouteTable; retryAtMs: number } | undefined
  #routesFollowed: Promise<void> | undefined

  private constructor(options: PoliciesOptions) {
    this.#options = options
  }

  /**
   * @throws {PolicyError} where there are no good policies, neither in the folder nor kept
   * @throws {RoutesError} `routes_unusable`
   */
  static async open(options: PoliciesOptions): Promise<Policies> {
    const policies = new Policies(options)
    const file = options.routes === undefined ? undefined : new RoutesFile(options.routes)
    await policies.#adopt(file?.look())
    if (file !== undefined) policies.#routesFollowed = policies.#followRoutes(file)
    return policies
  }

  get active(): ActivePolicy | undefined {
    return this.#active
  }

  /** What was refused is no reason not to be ready: the last good policies and routes decide. */
  health(): CheckResult {
    if (this.#active === undefined) return { ok: false, detail: 'no policy is active' }
    let detail = `revision ${this.#active.revision}`
    for (const refused of [this.#policyRefused, this.#routesRefused]) {
      if (refused !== undefined) detail += `; what came later was refused: ${refused.message}`
    }
    return { ok: true, detail }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#routesFollowed
    this.#following?.stop.abort()
    await this.#following?.policies?.done
  }

  async #followRoutes(file: RoutesFile): Promise<void> {
    const { signal } = this.#closing
    try {
      for await (const _ of setInterval(LOOK_INTERVAL_MS, undefined, { signal, ref: false })) {
        await this.#lookAt(file)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #lookAt(file: RoutesFile): Promise<void> {
    try {
      const routes = file.look()
      if (routes !== undefined) this.#pending = { routes, retryAtMs: 0 }
    } catch (error) {
      if (!(error instanceof RoutesError)) throw error
      this.#pending = undefined
      this.#refuseRoutes(error)
    }
    const pending = this.#pending
    if (pending === undefined || performance.now() < pending.retryAtMs) return
    // Whatever becomes active meanwhile may lead to a try before that.
    pending.retryAtMs = performance.now() + RETRY_MS
    try {
      await this.#adopt(pending.routes)
      this.#pending = undefined
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error
      if (!this.#closing.signal.aborted) this.#refuseRoutes(error)
    }
  }

  #refuseRoutes(error: VerdictError): void {
    const isNew = error.message !== this.#routesRefused?.message
    this.#routesRefused = error
    if (isNew) this.#options.events.routesRefused(error)
  }

  /** Puts routes into force. @throws {PolicyError} where their rules can't be built */
  async #adopt(routes: RouteTable | undefined): Promise<void> {
    const { entrypoint, entrypoints: further = [], events } = this.#options
    const wanted = new Set([entrypoint, ...further, ...(routes?.entrypoints ?? [])])
    const before = this.#following
    if (
      before !== undefined &&
      wanted.symmetricDifference(new Set(before.entrypoints)).size === 0
    ) {
      before.routes = routes
      if (this.#active !== undefined) this.#activate(before, this.#active.policy)
    } else {
      await this.#follow([...wanted], routes)
      before?.stop.abort()
      await before?.policies?.done
    }
    this.#routesRefused = undefined
    if (routes !== undefined) events.routesActive(routes.size)
  }

  /** Builds the rules; the policies decide as soon as they are built. */
  async #follow(entrypoints: readonly string[], routes: RouteTable | undefined): Promise<void> {
    const { opa, sources, cacheDir, memoBytesMax, events } = this.#options
    const stop = new AbortController()
    const following: Following = { entrypoints, stop, routes }
    const stopWithUs = (): void => stop.abort()
    this.#closing.signal.addEventListener('abort', stopWithUs, { once: true, signal: stop.signal })
    try {
      following.policies = await followPolicies({
        opa,
        sources,
        entrypoints,
        cacheDir,
        load: { memoBytesMax },
        signal: stop.signal,
        onActive: (policy) => {
          if (stop.signal.aborted) return
          this.#following?.stop === stop || this.#following?.stop.abort()
          this.#following = following
          this.#policyRefused = undefined
          // Other policies may have the rules that were missed.
          if (this.#pending !== undefined) this.#pending.retryAtMs = 0
          this.#activate(following, policy)
          events.policyActive(policy)
        },
        onRefused: (error) => {
          this.#policyRefused = error
          events.policyRefused(error)
        },
      })
    } catch (error) {
      stop.abort()
      throw error
    }
  }

  #activate({ routes }: Following, policy: Policy): void {
    const { revision } = policy
    const { entrypoint } = this.#options
    this.#active = { policy, revision, entrypoint, ...(routes === undefined ? {} : { routes }) }
  }
}
