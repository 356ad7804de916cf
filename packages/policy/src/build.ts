import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { type Bundle, parseBundle } from './bundle.ts'
import { BundleCache } from './bundle-cache.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import { checkPolicies, compilePolicies, testPolicies } from './opa.ts'
import { readSources, revisionOf, type SourceFile } from './sources.ts'

/** Enough for large policies and their tests on a busy machine. */
export const DEFAULT_OPA_TIMEOUT_MS = 60_000

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
  const { entrypoints } = options
  const wanted = { revision: revisionOf(files, entrypoints), entrypoints }
  const cached = await cache.find(wanted)
  if (cached !== undefined) return cached
  const archive = await compile(files, options, cache.scratchPrefix)
  const bundle = await parseBundle(archive, wanted)
  await cache.store(wanted.revision, archive)
  return bundle
}

/**
 * Works on a copy of the sources: what is checked, what is tested and what is compiled are then
 * the bytes of the revision, whatever happens in the folder meanwhile.
 */
async function compile(
  files: readonly SourceFile[],
  { opa, entrypoints, timeoutMs = DEFAULT_OPA_TIMEOUT_MS, signal }: BuildOptions,
  scratchPrefix: string,
): Promise<Uint8Array> {
  const scratch = await written(scratchPrefix, () => mkdtemp(scratchPrefix))
  try {
    const folder = path.join(scratch, 'policies')
    await written(folder, () => copy(files, folder))
    const call = { opa, folder, timeoutMs, ...(signal && { signal }) }
    await checkPolicies(call)
    await testPolicies(call)
    const output = path.join(scratch, 'bundle.tar.gz')
    await compilePolicies(call, { entrypoints, output })
    return await written(output, () => readFile(output))
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function copy(files: readonly SourceFile[], folder: string): Promise<void> {
  await mkdir(folder)
  for (const file of files) {
    const target = path.join(folder, file.path)
    await mkdir(path.dirname(target), { recursive: true })
    await writeFile(target, file.bytes)
  }
}

async function written<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new PolicyError(
      PolicyErrorCode.cacheFailed,
      `policies cannot be built in \`${where}\`: ${messageOf(cause)}`,
      { cause },
    )
  }
}
