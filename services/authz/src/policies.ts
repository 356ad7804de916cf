import {
  type Fetcher,
  type FollowedPolicies,
  followPolicies,
  type Policy,
  type PolicyError,
} from '@verdict/policy'
import type { CheckResult } from '@verdict/service'
import type { ActivePolicy } from './evaluate.ts'
import type { AuthzEvents } from './events.ts'
import type { Activated } from './journal-events.ts'
import { RECORD_RULES } from './record-rules/names.ts'
import { FollowedRoutes } from './route/followed-routes.ts'
import type { RouteTable } from './route/route-table.ts'

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
  /** Asks other services for the policies; absent where they may not. */
  readonly fetcher?: Fetcher | undefined
  /** Told before the first decision of the policies that are in force. */
  readonly activated?: Activated
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
  #routes: FollowedRoutes | undefined

  private constructor(options: PoliciesOptions) {
    this.#options = options
  }

  /**
   * @throws {PolicyError} where there are no good policies, neither in the folder nor kept
   * @throws {RoutesError} `routes_unusable`
   */
  static async open(options: PoliciesOptions): Promise<Policies> {
    const policies = new Policies(options)
    const { routes: file, events } = options
    const adopt = async (routes: RouteTable): Promise<void> => await policies.#adopt(routes)
    const routes = file === undefined ? undefined : new FollowedRoutes({ file, adopt, events })
    const first = routes?.first()
    await policies.#adopt(first)
    if (first !== undefined) events.routesActive(first.size)
    policies.#routes = routes
    routes?.follow()
    return policies
  }

  get active(): ActivePolicy | undefined {
    return this.#active
  }

  /** What was refused is no reason not to be ready: the last good policies and routes decide. */
  health(): CheckResult {
    if (this.#active === undefined) return { ok: false, detail: 'no policy is active' }
    let detail = `revision ${this.#active.revision}`
    for (const refused of [this.#policyRefused, this.#routes?.refused]) {
      if (refused !== undefined) detail += `; what came later was refused: ${refused.message}`
    }
    return { ok: true, detail }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#routes?.[Symbol.asyncDispose]()
    this.#following?.stop.abort()
    await this.#following?.policies?.done
  }

  /** Puts routes into force. @throws {PolicyError} where their rules can't be built */
  async #adopt(routes: RouteTable | undefined): Promise<void> {
    const { entrypoint, entrypoints: further = [] } = this.#options
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
  }

  /** Builds the rules; the policies decide as soon as they are built. */
  async #follow(entrypoints: readonly string[], routes: RouteTable | undefined): Promise<void> {
    const { opa, sources, cacheDir, memoBytesMax, fetcher, events } = this.#options
    const stop = new AbortController()
    const following: Following = { entrypoints, stop, routes }
    const stopWithUs = (): void => stop.abort()
    this.#closing.signal.addEventListener('abort', stopWithUs, { once: true, signal: stop.signal })
    try {
      following.policies = await followPolicies({
        opa,
        sources,
        entrypoints,
        optionalEntrypoints: RECORD_RULES,
        cacheDir,
        allowFetch: fetcher !== undefined,
        load: { memoBytesMax, fetcher },
        signal: stop.signal,
        onActive: (policy) => {
          if (stop.signal.aborted) return
          this.#following?.stop === stop || this.#following?.stop.abort()
          this.#following = following
          this.#policyRefused = undefined
          // Other policies may have the rules that were missed.
          this.#routes?.retry()
          this.#activate(following, policy)
          this.#options.activated?.({ revision: policy.revision })
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
