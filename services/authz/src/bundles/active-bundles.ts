import { type LoadedPolicy, refuseOverlap } from '@verdict/policy'
import { BundlesError, BundlesErrorCode } from '../errors.ts'
import type { ActivePolicies, DecidingPolicy } from '../evaluate.ts'
import type { RouteTable } from '../route/route-table.ts'
import type { PatchedData } from './patched-data.ts'

/** A bundle that decides, or is about to. */
export interface ActiveBundle extends DecidingPolicy {
  readonly policy: LoadedPolicy
  readonly bundle: string
  readonly data: PatchedData
  readonly roots: readonly string[]
  readonly serial: number
  /** SHA-256 of the archive, in hex. */
  readonly digest: string
  /** It came as Rego, and was compiled for the rules that settings name. */
  readonly compiledHere: boolean
  /** RFC 3339. */
  readonly since: string
}

/**
 * The bundles that decide, each with its own policy and data: no two of them have the same data,
 * and no two the same rule.
 */
export class ActiveBundles {
  readonly #entrypoint: string
  readonly #bundles = new Map<string, ActiveBundle>()
  #routes: RouteTable | undefined
  #active: ActivePolicies | undefined

  /** With the rule that decides where nothing names another. */
  constructor(entrypoint: string) {
    this.#entrypoint = entrypoint
  }

  /** What decides now; undefined before the first bundle. */
  get policies(): ActivePolicies | undefined {
    return this.#active
  }

  get(name: string): ActiveBundle | undefined {
    return this.#bundles.get(name)
  }

  get size(): number {
    return this.#bundles.size
  }

  has(entrypoint: string): boolean {
    return this.#active?.owners?.has(entrypoint) === true
  }

  /** Whether changes of this data reach a policy. */
  owns(path: readonly string[]): boolean {
    return this.#bundles.values().some(({ data }) => data.owns(path))
  }

  set routes(routes: RouteTable) {
    this.#routes = routes
    this.#publish()
  }

  /**
   * Whether a bundle may take the place of the one of its name.
   * @throws {PolicyError} `bundle_roots_overlap`
   * @throws {BundlesError} `bundle_entrypoint_taken`
   */
  refuseConflict(candidate: {
    readonly name: string
    readonly roots: readonly string[]
    readonly entrypoints: readonly string[]
  }): void {
    const others = [...this.#bundles.values()].filter(({ bundle }) => bundle !== candidate.name)
    refuseOverlap([candidate, ...others.map(({ bundle, roots }) => ({ name: bundle, roots }))])
    for (const { bundle, policy } of others) {
      const taken = candidate.entrypoints.find((one) => policy.entrypoints.includes(one))
      if (taken === undefined) continue
      const why = `the bundles \`${candidate.name}\` and \`${bundle}\` both have \`${taken}\``
      throw new BundlesError(BundlesErrorCode.bundleEntrypointTaken, `${why}: take it out of one`)
    }
  }

  /** From now on it decides, in the place of the one of its name. */
  swap(bundle: ActiveBundle): void {
    const before = this.#bundles.get(bundle.bundle)
    this.#bundles.set(bundle.bundle, bundle)
    this.#publish()
    before?.data[Symbol.dispose]()
  }

  #publish(): void {
    if (this.#bundles.size === 0) return
    const owners = new Map<string, DecidingPolicy>()
    for (const { policy, revision, bundle, data } of this.#bundles.values()) {
      for (const entrypoint of policy.entrypoints) {
        owners.set(entrypoint, { policy, revision, bundle, data })
      }
    }
    this.#active = {
      ...owners.get(this.#entrypoint),
      entrypoint: this.#entrypoint,
      owners,
      ...(this.#routes === undefined ? undefined : { routes: this.#routes }),
    }
  }
}
