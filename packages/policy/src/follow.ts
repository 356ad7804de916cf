import assert from 'node:assert/strict'
import { type BuildOptions, buildFrom } from './build.ts'
import type { Bundle } from './bundle/bundle.ts'
import { BundleCache } from './bundle-cache.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import { folderChanges } from './folder-changes.ts'
import { type LoadOptions, loadPolicy } from './load.ts'
import { entrypointsOf } from './optional-entrypoints.ts'
import type { LoadedPolicy } from './policy.ts'
import { readSources, revisionOf, stampSources } from './sources.ts'

/** A change that the file system does not tell of is found after this long. */
const POLL_MS = 2_000
/** What may pass by itself, such as a full disk, is tried again after this long. */
export const DEFAULT_RETRY_MS = 30_000

/** Faults of the machine rather than of the policies. */
const PASSING: ReadonlySet<string> = new Set([
  PolicyErrorCode.opaUnavailable,
  PolicyErrorCode.opaTimedOut,
  PolicyErrorCode.opaFailed,
  PolicyErrorCode.cacheFailed,
])

export interface FollowOptions extends BuildOptions {
  /** Ends the following; the active policy remains usable. */
  readonly signal: AbortSignal
  /**
   * A policy has become active; or the folder, after it was refused, holds the active one again.
   */
  readonly onActive: (policy: LoadedPolicy, bundle: Bundle) => void
  /**
   * The folder holds what cannot become active, and the policy that was active stays so. Told once
   * for each content of the folder. Before the first `onActive` it means: the start goes on with
   * the policy that ran last, from disk.
   */
  readonly onRefused: (error: PolicyError) => void
  /** Default `DEFAULT_RETRY_MS`. */
  readonly retryMs?: number
  /** How each policy is loaded. */
  readonly load?: LoadOptions
}

export interface FollowedPolicies {
  /** The policy to decide by, now. */
  readonly active: LoadedPolicy
  /** Settles when the following has ended after the abort. */
  readonly done: Promise<void>
}

/**
 * Builds and loads the policies of a folder, then follows the folder: whatever changes in it is
 * built, tested and loaded, and only then takes the place of the active policy.
 * @throws {PolicyError} where the folder cannot become active and none is on disk to start with
 */
export async function followPolicies(options: FollowOptions): Promise<FollowedPolicies> {
  const follower = new Follower(options, await BundleCache.open(options.cacheDir))
  await follower.start()
  return {
    get active() {
      return follower.active
    },
    done: follower.run(),
  }
}

class Follower {
  readonly #options: FollowOptions
  readonly #cache: BundleCache
  #current: { readonly policy: LoadedPolicy; readonly bundle: Bundle } | undefined
  /** The stamp of the sources that were read last. */
  #seen: string | undefined
  /** The revision of the sources that were read last; undefined where they cannot be read. */
  #revision: string | undefined
  /** What was refused and told last. */
  #refused: string | undefined
  #retryAtMs = Number.POSITIVE_INFINITY

  constructor(options: FollowOptions, cache: BundleCache) {
    this.#options = options
    this.#cache = cache
  }

  get active(): LoadedPolicy {
    assert(this.#current, 'a follower is not handed out before it has started')
    return this.#current.policy
  }

  async start(): Promise<void> {
    try {
      await this.#adopt()
    } catch (error) {
      const { sources, signal } = this.#options
      if (!(error instanceof PolicyError) || signal.aborted) throw error
      const bundle = await this.#cache.lastGood(sources, this.#options)
      if (bundle === undefined) throw error
      const policy = await loadPolicy(bundle, this.#options.load)
      this.#refuse(error)
      this.#activate(policy, bundle)
    }
  }

  /** One look after the other, so that there is one build at a time. */
  async run(): Promise<void> {
    const { sources, signal } = this.#options
    for await (const _ of folderChanges(sources, { pollMs: POLL_MS, signal })) {
      try {
        await this.#look()
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof PolicyError)) throw error
        this.#refuse(error)
      }
    }
  }

  async #look(): Promise<void> {
    const seen = this.#seen
    this.#seen = undefined
    const stamp = await stampSources(this.#options.sources)
    if (stamp === seen && Date.now() < this.#retryAtMs) this.#seen = seen
    else await this.#adopt()
  }

  async #adopt(): Promise<void> {
    const { sources, ruleIndex, labels } = this.#options
    this.#revision = undefined
    const { files, stamp } = await readSources(sources)
    const entrypoints = entrypointsOf(files, this.#options)
    this.#revision = revisionOf(files, entrypoints, ruleIndex, labels)
    this.#seen = stamp
    this.#retryAtMs = Number.POSITIVE_INFINITY
    if (this.#current?.bundle.revision === this.#revision) {
      if (this.#refused === undefined) return
      this.#refused = undefined
      return this.#activate(this.#current.policy, this.#current.bundle)
    }
    const bundle = await buildFrom(files, this.#options, this.#cache)
    const policy = await loadPolicy(bundle, this.#options.load)
    if (this.#current !== undefined) policy.warmUp(this.#current.policy.lastInputs)
    await this.#cache.keepAsLastGood(bundle, sources)
    this.#refused = undefined
    this.#activate(policy, bundle)
  }

  #activate(policy: LoadedPolicy, bundle: Bundle): void {
    this.#current = { policy, bundle }
    this.#options.onActive(policy, bundle)
  }

  #refuse(error: PolicyError): void {
    const { retryMs = DEFAULT_RETRY_MS } = this.#options
    if (PASSING.has(error.code)) this.#retryAtMs = Date.now() + retryMs
    const what = `${this.#revision ?? error.message} ${error.code}`
    if (what === this.#refused) return
    this.#refused = what
    this.#options.onRefused(error)
  }
}
