import { PolicyError, PolicyErrorCode } from '../errors.ts'
import { TABLES_ROOT } from '../rule-index/report.ts'
import type { BundleFiles } from './archive.ts'
import type { Manifest } from './manifest.ts'
import { REGO } from './names.ts'
import { malformed } from './refusals.ts'
import { rootOwner, segmentsOf } from './roots.ts'

/** The first thing in a source of Rego; whatever OPA allows beyond this, nobody writes. */
const PACKAGE = new RegExp(
  [
    /^\uFEFF?(?:\s|#[^\n]*(?:\n|$))*package\s+/,
    /([A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\["(?:[^"\\\n]|\\.)*"\])*)(?=[\s;#]|$)/,
  ]
    .map(({ source }) => source)
    .join(''),
)
const SEGMENT = /[A-Za-z_]\w*|"(?:[^"\\\n]|\\.)*"/g

/**
 * Sees that a bundle keeps to its roots: its data, the packages of its policies, its entrypoints.
 * @throws {PolicyError} `bundle_roots_violated`, `bundle_malformed`
 */
export function verifyRoots(files: BundleFiles, data: Uint8Array, manifest: Manifest): void {
  const { roots, entrypoints } = manifest
  if (roots.includes('')) return
  for (const entrypoint of entrypoints) {
    if (!rootOwner(segmentsOf(entrypoint), roots)) {
      throw violated(roots, `the entrypoint \`${entrypoint}\``)
    }
  }
  for (const [name, bytes] of files) {
    if (!REGO.test(name)) continue
    const declared = packageOf(name, bytes)
    if (!rootOwner(declared, roots)) {
      throw violated(roots, `the package \`${declared.join('.')}\` (\`${name}\`)`)
    }
  }
  verifyData(parsed(data), [], roots)
}

function verifyData(value: unknown, at: readonly string[], roots: readonly string[]): void {
  if (rootOwner(at, roots)) return
  if (at.length === 1 && at[0] === TABLES_ROOT) return
  // An object may be on the way to a root; what it holds tells.
  const onTheWay = roots.some((root) => isPrefix(at, segmentsOf(root)))
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject || !(onTheWay || at.length === 0)) {
    throw violated(roots, `data at \`/${at.join('/')}\``)
  }
  for (const [key, below] of Object.entries(value)) verifyData(below, [...at, key], roots)
}

/** The path of a package under `data`. @throws {PolicyError} `bundle_malformed` */
export function packageOf(name: string, bytes: Uint8Array): readonly string[] {
  const [, path] = PACKAGE.exec(Buffer.from(bytes).toString('utf8')) ?? []
  if (path === undefined) throw malformed(`has Rego without a package in \`${name}\``)
  return (path.match(SEGMENT) ?? []).map((segment) =>
    segment.startsWith('"') ? textOf(segment, name) : segment,
  )
}

function textOf(quoted: string, name: string): string {
  try {
    return JSON.parse(quoted) as string
  } catch (cause) {
    throw malformed(`has Rego with a strange package in \`${name}\``, cause)
  }
}

function parsed(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString('utf8'))
  } catch (cause) {
    throw malformed('has data that is no JSON', cause)
  }
}

function isPrefix(path: readonly string[], of: readonly string[]): boolean {
  return path.length < of.length && path.every((segment, at) => segment === of[at])
}

function violated(roots: readonly string[], what: string): PolicyError {
  const own = roots.length === 0 ? 'no roots' : `the roots ${roots.join(', ')}`
  return new PolicyError(
    PolicyErrorCode.bundleRootsViolated,
    `the bundle has ${own}, and ${what} outside of them: name its root too, or leave it out`,
  )
}
