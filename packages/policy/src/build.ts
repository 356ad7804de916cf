import { type Bundle, parseBundle } from './bundle.ts'
import { BundleCache } from './bundle-cache.ts'
import { compileBundle } from './compile.ts'
import { readSources, revisionOf, type SourceFile } from './sources.ts'

/** Enough for large policies and their tests on a busy machine. */
export const DEFAULT_OPA_TIMEOUT_MS = 60_000

/**
 * How often a build calls `opa` at length: to check, to test, and to compile into a module and a
 * plan, again without the rule index where OPA refuses what it made.
 */
const OPA_CALLS = 6

export interface BuildOptions {
  /** The `opa` program, as a path or as a name on PATH. */
  readonly opa: string
  /** A folder of Rego and data, read as `opa run <folder>` does; see `readSources`. */
  readonly sources: string
  /** The rules that will be asked, such as `envoy/authz/allow`. */
  readonly entrypoints: readonly string[]
  /** Where built bundles are kept; made where it is missing. */
  readonly cacheDir: string
  /** Of each call of `opa`; default `DEFAULT_OPA_TIMEOUT_MS`. */
  readonly timeoutMs?: number
  /** Gives the build up. */
  readonly signal?: AbortSignal
  /** Whether rules that differ in constants only are looked up in tables; default true. */
  readonly ruleIndex?: boolean
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

/** As `buildBundle`, from sources that were read already. @throws {PolicyError} */
export async function buildFrom(
  files: readonly SourceFile[],
  options: BuildOptions,
  cache: BundleCache,
): Promise<Bundle> {
  const { opa, entrypoints, signal, timeoutMs = DEFAULT_OPA_TIMEOUT_MS, ruleIndex = true } = options
  const wanted = { revision: revisionOf(files, entrypoints, ruleIndex), entrypoints }
  const cached = await cache.find(wanted)
  if (cached !== undefined) return cached
  using _turn = await cache.turn(timeoutMs * OPA_CALLS, signal)
  // Another process may have built it meanwhile.
  const built = await cache.find(wanted)
  if (built !== undefined) return built
  const task = { files, opa, entrypoints, timeoutMs, ruleIndex, ...(signal && { signal }) }
  const archive = await compileBundle(task, cache.scratchPrefix)
  const bundle = await parseBundle(archive, wanted)
  await cache.store(wanted.revision, archive)
  return bundle
}
