import path from 'node:path'
import { TABLES_ROOT } from '../rule-index/report.ts'
import type { BundleFiles } from './archive.ts'
import { FILES } from './names.ts'
import { malformed } from './refusals.ts'
import { normalRoot, overlapWithin } from './roots.ts'

/** What a bundle says of itself. */
export interface Manifest {
  readonly revision: string
  /** The paths of data that are the bundle's own, such as `shop/orders`; `['']` for all. */
  readonly roots: readonly string[]
  /** The rules that its module answers; none where it has only Rego. */
  readonly entrypoints: readonly string[]
  /** A whole number that only grows, by which bundles of one name are ordered. */
  readonly serial?: number
  /** SHA-256, in hex, of the sources and the way that they were built; of our bundles only. */
  readonly sources?: string
  /** What its builder has to say, with what is said above under `verdict`. */
  readonly metadata: Readonly<Record<string, unknown>>
}

type Json = Readonly<Record<string, unknown>>

const KEYS = ['revision', 'roots', 'wasm', 'rego_version', 'file_rego_versions', 'metadata']
/** All data, where a bundle names no roots. */
const ALL = ['']

/** Reads the manifest as OPA does. @throws {PolicyError} `bundle_malformed` */
export function readManifest(files: BundleFiles): Manifest {
  refuseOthers(files)
  const json = parsed(files.get(FILES.manifest))
  const { revision = '', roots, wasm, rego_version: version = 1, metadata } = json
  if (typeof revision !== 'string') throw malformed('has a revision that is no text')
  if (version !== 0 && version !== 1) throw malformed(`is of version \`${version}\` of Rego`)
  const known = objectIn(metadata, 'metadata')
  const { serial, sources } = objectIn(known['verdict'], 'metadata.verdict')
  return {
    revision,
    roots: rootsIn(roots),
    entrypoints: entrypointsIn(wasm, files),
    ...(serial !== undefined && { serial: serialIn(serial) }),
    ...(typeof sources === 'string' && { sources }),
    metadata: known,
  }
}

/** The file of a manifest. `tables` tells whether the data has some of the rule index. */
export function writeManifest(
  { revision, roots, entrypoints, serial, sources, metadata }: Manifest,
  { tables }: { tables: boolean },
): Uint8Array {
  const ours = roots.includes('') || !tables ? roots : [...roots, TABLES_ROOT]
  const wasm = entrypoints.map((entrypoint) => ({ entrypoint, module: `/${FILES.module}` }))
  const verdict = { ...(serial !== undefined && { serial }), ...(sources && { sources }) }
  const json = { revision, roots: ours, wasm, rego_version: 1, metadata: { ...metadata, verdict } }
  return Buffer.from(`${JSON.stringify(json)}\n`)
}

/** By the names that OPA looks for, in whatever folder. */
function refuseOthers(files: BundleFiles): void {
  for (const name of files.keys()) {
    const base = path.posix.basename(name)
    if (base === 'patch.json') {
      throw malformed('is a delta bundle, which changes data alone and cannot be signed')
    }
    if (name.endsWith('.manifest.pb')) throw malformed(`has its manifest as Protobuf (\`${name}\`)`)
    if (name.endsWith('.manifest') && name !== FILES.manifest) {
      throw malformed(`has a second manifest, \`${name}\``)
    }
    if (base === FILES.module && name !== FILES.module) {
      throw malformed(`has a module that is not at its top, \`${name}\``)
    }
  }
}

function parsed(bytes: Uint8Array | undefined): Json {
  // As OPA has it: nothing is said then, and all is the bundle's own.
  if (bytes === undefined) return {}
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw malformed('has a manifest that is no JSON', cause)
  }
  const known = objectIn(json, 'manifest')
  for (const key of Object.keys(known)) {
    // OPA would take it for the key that it looks like, which is what somebody hoped for.
    if (!KEYS.includes(key) && KEYS.includes(key.toLowerCase())) {
      throw malformed(`has \`${key}\` in its manifest, which is to be written in lower case`)
    }
  }
  return known
}

function objectIn(json: unknown, what: string): Json {
  if (json === undefined || json === null) return {}
  if (typeof json === 'object' && !Array.isArray(json)) return json as Json
  throw malformed(`has a ${what} that is no object`)
}

function rootsIn(json: unknown): readonly string[] {
  if (json === undefined || json === null) return ALL
  if (!Array.isArray(json) || !json.every((root) => typeof root === 'string')) {
    throw malformed('has roots that are no list of texts')
  }
  const roots = json.map(normalRoot)
  const [one, other] = overlapWithin(roots) ?? []
  if (one !== undefined) throw malformed(`has roots that overlap, \`${one}\` and \`${other}\``)
  // Each bundle has tables of its own, whatever its roots.
  return roots.filter((root) => root !== TABLES_ROOT)
}

function entrypointsIn(json: unknown, files: BundleFiles): readonly string[] {
  const entrypoints = new Set<string>()
  for (const entry of Array.isArray(json) ? json : []) {
    const { entrypoint, module } = objectIn(entry, 'list of modules')
    if (typeof entrypoint !== 'string' || typeof module !== 'string') {
      throw malformed('has a list of modules that is not one')
    }
    if (module.replace(/^\//, '') !== FILES.module || !files.has(FILES.module)) {
      throw malformed(`names the module \`${module}\`, which it has not`)
    }
    if (entrypoints.has(entrypoint)) throw malformed(`names the entrypoint \`${entrypoint}\` twice`)
    entrypoints.add(entrypoint)
  }
  if (entrypoints.size === 0 && files.has(FILES.module)) {
    throw malformed('names no entrypoint of its module')
  }
  return [...entrypoints]
}

function serialIn(json: unknown): number {
  if (Number.isSafeInteger(json) && (json as number) >= 0) return json as number
  throw malformed('has a serial that is no whole number')
}
