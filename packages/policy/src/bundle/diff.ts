import { unpackBundle } from './archive.ts'
import { type Changes, changesOf, hasChanges, named } from './changes.ts'
import { type DataChanges, diffData } from './data-diff.ts'
import { dataOf, readData } from './data-files.ts'
import { digestOf } from './hash.ts'
import { readManifest } from './manifest.ts'
import { FILES } from './names.ts'
import { rulesOf } from './rule-texts.ts'

/** What changed from one bundle to another. */
export interface BundleDiff {
  /** Whether nothing that decides has changed: all of the changes are empty. */
  readonly same: boolean
  readonly before: Version
  readonly after: Version
  readonly entrypoints: Changes
  readonly roots: Changes
  /** By the path of the rule and its file: `data.shop.allow (shop.rego)`. */
  readonly rules: Changes
  readonly data: DataChanges
  /** The labels of rules, in decisions. */
  readonly labels: Changes
}

/** What tells one bundle from another of its name. */
export interface Version {
  readonly revision: string
  readonly serial?: number
  /** SHA-256 of the archive, in hex. */
  readonly digest: string
}

/** Compares two archives, signed or not. @throws {PolicyError} `bundle_malformed` */
export async function diffBundles(before: Uint8Array, after: Uint8Array): Promise<BundleDiff> {
  const [a, b] = [await opened(before), await opened(after)]
  const entrypoints = changesOf(named(a.entrypoints), named(b.entrypoints))
  const roots = changesOf(named(a.roots), named(b.roots))
  const rules = changesOf(a.rules, b.rules)
  const labels = changesOf(named(a.labels), named(b.labels))
  const data = diffData(a.data, b.data)
  const same = ![entrypoints, roots, rules, labels, data].some(hasChanges)
  return { same, before: a.version, after: b.version, entrypoints, roots, rules, data, labels }
}

async function opened(archive: Uint8Array) {
  const files = await unpackBundle(archive)
  const { revision, serial, entrypoints, roots } = readManifest(files)
  return {
    version: { revision, ...(serial !== undefined && { serial }), digest: digestOf(archive) },
    entrypoints,
    roots,
    rules: rulesOf(files),
    data: readData(FILES.data, dataOf(files)),
    labels: labelsIn(files.get(FILES.labels)),
  }
}

/** The names in a LabelsReport. */
function labelsIn(json: Uint8Array | undefined): readonly string[] {
  if (json === undefined) return []
  const { names } = JSON.parse(Buffer.from(json).toString('utf8')) as { names?: readonly string[] }
  return names ?? []
}
