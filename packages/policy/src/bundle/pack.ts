import type { RuleIndexReport } from '../rule-index/report.ts'
import type { SourceFile } from '../sources.ts'
import { type BundleFiles, packFiles, unpackBundle } from './archive.ts'
import { verifyRoots } from './content-roots.ts'
import { dataOf } from './data-files.ts'
import { type Manifest, readManifest, writeManifest } from './manifest.ts'
import { FILES, REGO, TESTS } from './names.ts'
import { malformed } from './refusals.ts'
import { normalRoot } from './roots.ts'

/** What `opa build` made of policies, and what is told about it. */
export interface CompiledParts {
  /** The archive that `opa build` wrote of the module. */
  readonly wasm: Uint8Array
  /** The archive that it wrote of the plan of the policies as they are written. */
  readonly plan: Uint8Array
  /** The archive of the plan that the module is made of, where tables or labels changed it. */
  readonly modulePlan?: Uint8Array
  /** JSON, as a RuleIndexReport. */
  readonly ruleIndex?: Uint8Array
  /** JSON: the labels of the rules. */
  readonly labels?: Uint8Array
}

/** What a bundle is made of. */
export interface BundleParts extends CompiledParts {
  readonly revision: string
  readonly entrypoints: readonly string[]
  /** Default: all of the data. */
  readonly roots?: readonly string[]
  readonly serial?: number
  /** The policies as they are written: their Rego goes into the bundle, their tests do not. */
  readonly sources: readonly SourceFile[]
  /** What `revisionOf` says of them. */
  readonly sourcesRevision: string
}

/**
 * Makes the archive of a bundle, in OPA's format.
 * @throws {PolicyError} `bundle_roots_violated`, `bundle_malformed`
 */
export async function packBundle(parts: BundleParts): Promise<Uint8Array> {
  const { revision, entrypoints, roots = [''], serial, ruleIndex, labels } = parts
  const compiled = await unpackBundle(parts.wasm)
  const manifest: Manifest = {
    revision,
    roots: roots.map(normalRoot),
    entrypoints,
    ...(serial !== undefined && { serial }),
    sources: parts.sourcesRevision,
    metadata: {},
  }
  const rego = parts.sources.filter(({ path }) => REGO.test(path) && !TESTS.test(path))
  const data = dataOf(compiled)
  const files = new Map<string, Uint8Array>([
    [FILES.manifest, writeManifest(manifest, { tables: hasTables(ruleIndex) })],
    [FILES.data, data],
    ...rego.map(({ path, bytes }) => [path, bytes] as const),
    [FILES.module, fileOf(compiled, FILES.module)],
    [FILES.plan, fileOf(await unpackBundle(parts.plan), FILES.plan)],
  ])
  if (parts.modulePlan) {
    files.set(FILES.modulePlan, fileOf(await unpackBundle(parts.modulePlan), FILES.plan))
  }
  if (ruleIndex) files.set(FILES.ruleIndex, ruleIndex)
  if (labels) files.set(FILES.labels, labels)
  // What is refused where it is activated, is refused here first.
  verifyRoots(files, data, readManifest(files))
  return await packFiles(files)
}

function hasTables(ruleIndex: Uint8Array | undefined): boolean {
  if (ruleIndex === undefined) return false
  return (JSON.parse(Buffer.from(ruleIndex).toString('utf8')) as RuleIndexReport).indexed > 0
}

function fileOf(files: BundleFiles, name: string): Uint8Array {
  const file = files.get(name)
  if (file === undefined) throw malformed(`that \`opa build\` wrote has no \`${name}\``)
  return file
}
