import type { VerdictError } from '@verdict/contract'
import {
  type BuildOptions,
  compileSigned,
  entrypointsOf,
  type LoadOptions,
  loadPolicy,
  rootOwner,
  type SignedBundle,
} from '@verdict/policy'
import { BundlesError, BundlesErrorCode } from '../errors.ts'
import { RECORD_RULES } from '../record-rules/names.ts'
import type { ActiveBundle } from './active-bundles.ts'
import { PatchedData } from './patched-data.ts'
import type { DataChange, PolicyData } from './policy-data.ts'

export interface PreparationOptions {
  /** How a bundle that has only Rego is compiled. */
  readonly build: Pick<BuildOptions, 'opa' | 'cacheDir' | 'signal' | 'allowFetch'>
  readonly load: LoadOptions
  readonly data: PolicyData
  /** The rules that settings name: such a bundle is compiled for those below its roots. */
  readonly entrypoints: () => readonly string[]
  readonly events: DataEvents
}

export interface DataEvents {
  /** A change of data is in effect. */
  dataApplied(change: DataChange): void
  /** A change of data is not: it can't be put in. */
  dataRefused(change: DataChange, error: VerdictError): void
}

/** The rules that a bundle with these roots is compiled for, where it has only Rego. */
export function ownEntrypoints(
  roots: readonly string[],
  { entrypoints }: Pick<PreparationOptions, 'entrypoints'>,
): readonly string[] {
  return entrypoints().filter((one) => rootOwner(one.split('/'), roots))
}

/** Compiles a bundle that has only Rego. @throws {PolicyError}, {BundlesError} */
export async function compiled(
  name: string,
  signed: SignedBundle,
  options: Pick<PreparationOptions, 'build' | 'entrypoints'>,
): Promise<SignedBundle> {
  if (signed.uncompiled === undefined) return signed
  const entrypoints = entrypointsOf(signed.uncompiled, {
    entrypoints: ownEntrypoints(signed.roots, options),
    optionalEntrypoints: RECORD_RULES,
  })
  if (entrypoints.length > 0) return await compileSigned(signed, { ...options.build, entrypoints })
  const roots = signed.roots.map((root) => `\`${root}\``).join(', ')
  throw new BundlesError(
    BundlesErrorCode.bundleWithoutEntrypoint,
    `the bundle \`${name}\` has only Rego, and no setting names a rule below its roots ${roots}: ` +
      'name one in VERDICT_AUTHZ_ENTRYPOINTS',
  )
}

/** Makes a policy of a bundle, with the data that came beside it. @throws {PolicyError} */
export async function prepare(
  name: string,
  bundle: SignedBundle,
  { load, data, events }: PreparationOptions,
  compiledHere: boolean,
): Promise<ActiveBundle> {
  const policy = await loadPolicy(bundle, load)
  const patched = new PatchedData({
    policy,
    roots: bundle.roots,
    original: bundle.data,
    data,
    onApplied: (change) => events.dataApplied(change),
    onRefused: (change, error) => events.dataRefused(change, error),
  })
  await patched.follow()
  return {
    policy,
    revision: bundle.revision,
    bundle: name,
    data: patched,
    roots: bundle.roots,
    serial: bundle.serial,
    digest: bundle.digest,
    compiledHere,
    since: new Date().toISOString(),
  }
}
