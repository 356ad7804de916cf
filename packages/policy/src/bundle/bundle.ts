import { type BundleFiles, unpackBundle } from './archive.ts'
import { dataOf } from './data-files.ts'
import { FILES } from './names.ts'
import { malformed } from './refusals.ts'

/** Policies that passed their checks and tests, compiled. */
export interface Bundle {
  /** What its builder calls it; of a folder, SHA-256, in hex, of the sources and entrypoints. */
  readonly revision: string
  /** The rules that can be asked, such as `envoy/authz/allow`. */
  readonly entrypoints: readonly string[]
  readonly wasm: Uint8Array
  /** JSON, as OPA wrote it: parsed here, its integers would lose their last digits. */
  readonly data: Uint8Array
  /** JSON: what the module was compiled from, as a Plan; other tools' bundles may have none. */
  readonly plan?: Uint8Array
  /** JSON: the plan of the policies as they are written, where the module is made of another. */
  readonly sourcePlan?: Uint8Array
  /** JSON, as a RuleIndexReport: what became of the rules; not there where it was switched off. */
  readonly ruleIndex?: Uint8Array
  /** JSON: the labels of the rules, where the module tells which of them held. */
  readonly labels?: Uint8Array
}

/** Reads an archive that `packBundle` made here. @throws {PolicyError} `bundle_malformed` */
export async function parseBundle(
  archive: Uint8Array,
  about: Pick<Bundle, 'revision' | 'entrypoints'>,
): Promise<Bundle> {
  const files = await unpackBundle(archive)
  if (!files.has(FILES.plan)) throw malformed(`has no \`${FILES.plan}\``)
  return bundleOf(files, about)
}

/** @throws {PolicyError} `bundle_malformed` */
export function bundleOf(
  files: BundleFiles,
  { revision, entrypoints }: Pick<Bundle, 'revision' | 'entrypoints'>,
): Bundle {
  const wasm = files.get(FILES.module)
  if (wasm === undefined) throw malformed(`has no \`${FILES.module}\``)
  const written = files.get(FILES.plan)
  const ofModule = files.get(FILES.modulePlan)
  const plan = ofModule ?? written
  const ruleIndex = files.get(FILES.ruleIndex)
  const labels = files.get(FILES.labels)
  return {
    revision,
    entrypoints,
    wasm,
    data: dataOf(files),
    ...(plan && { plan }),
    ...(ofModule && written && { sourcePlan: written }),
    ...(ruleIndex && { ruleIndex }),
    ...(labels && { labels }),
  }
}
