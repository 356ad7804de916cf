import { join } from 'node:path'
import { bundleFacts, policyKey } from '@verdict/contract'
import type { Fetcher } from '@verdict/policy'
import type { CheckResult } from '@verdict/service'
import type { Connection } from '../bus-link.ts'
import { RoutesError, RoutesErrorCode } from '../errors.ts'
import type { ActivePolicies } from '../evaluate.ts'
import { FollowedRoutes, type FollowedRoutesOptions } from '../route/followed-routes.ts'
import type { RouteTable } from '../route/route-table.ts'
import { ActiveBundles } from './active-bundles.ts'
import { BundleFollower, type FollowerEvents } from './bundle-follower.ts'
import { bundlesHealth } from './bundle-health.ts'
import { BundleStore } from './bundle-store.ts'
import type { BundlesFile } from './bundles-file.ts'
import { followBus } from './bus-source.ts'
import { DataOwners } from './data-owners.ts'
import { followServer } from './http-source.ts'
import { PolicyData } from './policy-data.ts'
import type { DataEvents } from './preparation.ts'
import { Turns } from './turns.ts'

export interface BundlePoliciesOptions {
  readonly file: BundlesFile
  /** The rule that decides where nothing names another. */
  readonly entrypoint: string
  /** Further rules, for bundles that have only Rego. */
  readonly entrypoints: readonly string[]
  /** The file of routes. */
  readonly routes?: string | undefined
  /** Compiles bundles that have only Rego. */
  readonly opa: string
  /** Where the last good bundles are kept, and built ones. */
  readonly dataDir: string
  /** For answers that are remembered, in equal parts for each bundle; 0 for none. */
  readonly memoBytesMax: number
  /** Asks other services for the policies; absent where they may not. */
  readonly fetcher?: Fetcher | undefined
  readonly events: BundlePoliciesEvents
  readonly routesEvents: FollowedRoutesOptions['events']
}

export interface BundlePoliciesEvents extends FollowerEvents, DataEvents {
  /** Changes of data at these paths change no decision. */
  dataUnowned(paths: number): void
  busFollowFailed(error: unknown): void
}

/**
 * The policies that decide, as signed bundles have them: over the bus, or from bundle servers. It
 * starts with those that decided last, whatever the others would come from.
 */
export class BundlePolicies implements AsyncDisposable {
  readonly #options: BundlePoliciesOptions
  readonly #active: ActiveBundles
  readonly #data = new PolicyData()
  readonly #owners: DataOwners
  readonly #followers = new Map<string, BundleFollower>()
  readonly #activations = new Turns()
  readonly #closing = new AbortController()
  /** What nobody waits for but the end. */
  readonly #work = new Set<Promise<void>>()
  readonly #routes: FollowedRoutes | undefined
  /** The rules that settings and routes name. */
  #wanted: readonly string[]

  private constructor(options: BundlePoliciesOptions) {
    const { entrypoint, entrypoints, routes: file, routesEvents: events } = options
    this.#options = options
    this.#wanted = [...new Set([entrypoint, ...entrypoints])]
    this.#active = new ActiveBundles(entrypoint)
    this.#owners = new DataOwners({
      data: this.#data,
      active: this.#active,
      isWhole: () => this.#active.size === this.#followers.size,
      onUnowned: (paths) => options.events.dataUnowned(paths),
    })
    if (file === undefined) return
    this.#routes = new FollowedRoutes({ file, adopt: (routes) => this.#adopt(routes), events })
  }

  /**
   * @throws {BundlesError} `bundle_state_damaged`, `bundle_store_failed`
   * @throws {RoutesError} `routes_unusable`
   */
  static async open(options: BundlePoliciesOptions): Promise<BundlePolicies> {
    const policies = new BundlePolicies(options)
    await policies.#start()
    return policies
  }

  get active(): ActivePolicies | undefined {
    return this.#active.policies
  }

  /** Follows what the bus has, until the signal; settles when that has ended. */
  async follow(connection: Connection, signal: AbortSignal): Promise<void> {
    const { file, events } = this.#options
    await followBus({
      connection,
      followers: this.#followers,
      sources: file.bundles,
      data: this.#data,
      onData: (change) => this.#owners.note(change),
      onDataRefused: (change, error) => events.dataRefused(change, error),
      onDataRenewed: () => this.#renew(),
      onError: (error) => events.busFollowFailed(error),
      signal: AbortSignal.any([signal, this.#closing.signal]),
    })
  }

  health(): CheckResult {
    return bundlesHealth({
      entrypoint: this.#options.entrypoint,
      followers: this.#followers.values(),
      missing: this.#wanted.filter((one) => !this.#active.has(one)),
      dataLoaded: this.#data.loaded,
      dataUnowned: this.#owners.unowned,
      routesRefused: this.#routes?.refused,
    })
  }

  /** What a heartbeat tells of each bundle. */
  facts(): Record<string, string> {
    const facts: Record<string, string> = {}
    for (const { name, active, refused } of this.#followers.values()) {
      const told = refused && { refused: `${refused.code}: ${refused.message}` }
      Object.assign(
        facts,
        bundleFacts(policyKey([name]) ?? name, { ...(active && { active }), ...told }),
      )
    }
    return facts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#routes?.[Symbol.asyncDispose]()
    await Promise.all(this.#work)
  }

  async #start(): Promise<void> {
    // What comes first may lead to rules of bundles that are not there yet.
    const routes = this.#routes?.first()
    if (routes !== undefined) {
      this.#wanted = this.#wantedWith(routes)
      this.#active.routes = routes
      this.#options.routesEvents.routesActive(routes.size)
    }
    for (const name of this.#options.file.bundles.keys()) {
      const follower = await this.#follower(name)
      this.#followers.set(name, follower)
      await follower.start()
    }
    this.#routes?.follow()
    for (const [name, follower] of this.#followers) {
      const source = this.#options.file.bundles.get(name)
      this.#meanwhile(followServer(follower, source, this.#closing.signal))
    }
  }

  async #follower(name: string): Promise<BundleFollower> {
    const { file, dataDir, opa, memoBytesMax, fetcher, events } = this.#options
    const { signal } = this.#closing
    const cacheDir = join(dataDir, 'policies')
    return new BundleFollower({
      name,
      keys: file.keys,
      store: await BundleStore.open(join(dataDir, 'bundles', name)),
      active: this.#active,
      preparation: {
        build: { opa, cacheDir, signal, allowFetch: fetcher !== undefined },
        load: { memoBytesMax: Math.floor(memoBytesMax / file.bundles.size), fetcher },
        data: this.#data,
        entrypoints: () => this.#wanted,
        events,
      },
      activations: this.#activations,
      events,
      onActive: () => this.#activated(name),
    })
  }

  /** What was refused for the sake of another bundle, or of rules, may be accepted now. */
  #activated(name: string): void {
    this.#owners.recount()
    this.#routes?.retry()
    for (const follower of this.#followers.values()) {
      if (follower.name !== name) this.#meanwhile(follower.retry())
    }
  }

  #renew(): void {
    this.#owners.recount()
    for (const follower of this.#followers.values()) this.#meanwhile(follower.renew())
  }

  #wantedWith(routes: RouteTable): readonly string[] {
    const { entrypoint, entrypoints } = this.#options
    return [...new Set([entrypoint, ...entrypoints, ...routes.entrypoints])]
  }

  /** Routes that come later are in force once all of their rules are there. */
  async #adopt(routes: RouteTable): Promise<void> {
    const before = this.#wanted
    this.#wanted = this.#wantedWith(routes)
    try {
      for (const follower of this.#followers.values()) await follower.provide()
      const missing = routes.entrypoints.find((one) => !this.#active.has(one))
      if (missing !== undefined) {
        const why = `a route leads to \`${missing}\`, which no active bundle has: push one that has it`
        throw new RoutesError(RoutesErrorCode.routesUnusable, why)
      }
    } catch (error) {
      this.#wanted = before
      throw error
    }
    this.#active.routes = routes
  }

  /** A failure of such work is told by who does it. */
  #meanwhile(work: Promise<void>): void {
    const done = work.catch(() => undefined).then(() => void this.#work.delete(done))
    this.#work.add(done)
  }
}
