import { type Bundle, parseBundle } from './bundle/bundle.ts'
import { packBundle } from './bundle/pack.ts'
import type { SignedBundle } from './bundle/verify.ts'
import { BundleCache } from './bundle-cache.ts'
import { compileBundle } from './compile.ts'
import { refuseCalls } from './fetch/calls.ts'
import { entrypointsOf } from './optional-entrypoints.ts'
import { readSources, revisionOf, type SourceFile } from './sources.ts'

/** Enough for large policies and their tests on a busy machine. */
export const DEFAULT_OPA_TIMEOUT_MS = 60_000

/**
 * How often a build calls `opa` at length: to check, to test, to inspect the metadata, to plan with
 * labels, and to compile into a module and two plans, again without the dispatch of rules and again
 * without the rule index where OPA refuses what they made.
 */
export const OPA_CALLS = 12

export interface BuildOptions {
  /** The `opa` program, as a path or as a name on PATH. */
  readonly opa: string
  /** A folder of Rego and data, read as `opa run <folder>` does; see `readSources`. */
  readonly sources: string
  /** The rules that will be asked, such as `envoy/authz/allow`. */
  readonly entrypoints: readonly string[]
  /** Rules that are built besides, where the policies have them. */
  readonly optionalEntrypoints?: readonly string[]
  /** Where built bundles are kept; made where it is missing. */
  readonly cacheDir: string
  /** Of each call of `opa`; default `DEFAULT_OPA_TIMEOUT_MS`. */
  readonly timeoutMs?: number
  /** Gives the build up. */
  readonly signal?: AbortSignal
  /** Whether rules that differ in constants only are looked up in tables; default true. */
  readonly ruleIndex?: boolean
  /** Whether rules that have labels tell when they hold; default true. */
  readonly labels?: boolean
  /** Whether rules may call `http.send` and `net.lookup_ip_addr`; default false. */
  readonly allowFetch?: boolean
}

/**
 * Checks the policies, runs their tests if there are any, and compiles them; or takes the bundle
 * from the cache, where these very sources were built before.
 * @throws {PolicyError} with the file and line of what is wrong
 */
export async function buildBundle(options: BuildOptions): Promise<Bundle> {
  const { files } = await readSources(options.sources)
  return await buildFrom(files, options, await BundleCache.open(options.cacheDir))
}

/**
 * A bundle that can be loaded, of one that has only Rego: compiled for the entrypoints, which it
 * names none of.
 * @throws {PolicyError} as `buildBundle`
 */
export async function compileSigned(
  signed: SignedBundle,
  options: Omit<BuildOptions, 'sources'>,
): Promise<SignedBundle> {
  const { uncompiled, ...rest } = signed
  if (uncompiled === undefined) return signed
  const cache = await BundleCache.open(options.cacheDir)
  const built = await buildFrom(uncompiled, { ...options, sources: '' }, cache)
  return { ...rest, ...built, revision: signed.revision }
}

/** As `buildBundle`, from sources that were read already. @throws {PolicyError} */
export async function buildFrom(
  files: readonly SourceFile[],
  options: BuildOptions,
  cache: BundleCache,
): Promise<Bundle> {
  const bundle = await cachedOrBuilt(files, options, cache)
  refuseCalls(bundle, { allowFetch: options.allowFetch ?? false })
  return bundle
}

async function cachedOrBuilt(
  files: readonly SourceFile[],
  options: BuildOptions,
  cache: BundleCache,
): Promise<Bundle> {
  const { opa, signal, timeoutMs = DEFAULT_OPA_TIMEOUT_MS } = options
  const entrypoints = entrypointsOf(files, options)
  const { ruleIndex = true, labels = true } = options
  const wanted = { revision: revisionOf(files, entrypoints, ruleIndex, labels), entrypoints }
  const cached = await cache.find(wanted)
  if (cached !== undefined) return cached
  using _turn = await cache.turn(timeoutMs * OPA_CALLS, signal)
  // Another process may have built it meanwhile.
  const built = await cache.find(wanted)
  if (built !== undefined) return built
  const task = { files, opa, entrypoints, timeoutMs, ruleIndex, labels, ...(signal && { signal }) }
  const parts = await compileBundle(task, cache.scratchPrefix)
  const named = { ...wanted, sources: files, sourcesRevision: wanted.revision }
  const archive = await packBundle({ ...parts, ...named })
  const bundle = await parseBundle(archive, wanted)
  await cache.store(wanted.revision, archive)
  return bundle
}
