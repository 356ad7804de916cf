import { PolicyError, PolicyErrorCode } from '../errors.ts'
import { TABLES_ROOT } from '../rule-index/report.ts'

/**
 * Whether a path of data belongs to one of the roots; of the empty root are all. The tables of
 * the rule index belong to the bundle that has them, and are no one's to change.
 */
export function rootOwner(path: readonly string[], roots: readonly string[]): boolean {
  if (path[0] === TABLES_ROOT) return false
  return roots.some((root) => contains(segmentsOf(root), path))
}

/** Each root without slashes around it, as OPA takes them. */
export function normalRoot(root: string): string {
  return root.replaceAll(/^\/+|\/+$/g, '')
}

/** Two roots of one list of which one holds the other; undefined where there are none. */
export function overlapWithin(roots: readonly string[]): readonly [string, string] | undefined {
  for (const [at, root] of roots.entries()) {
    const other = roots.slice(at + 1).find((another) => overlap(root, another))
    if (other !== undefined) return [root, other]
  }
  return undefined
}

/** @throws {PolicyError} `bundle_roots_overlap` where two bundles claim the same data */
export function refuseOverlap(
  bundles: readonly { readonly name: string; readonly roots: readonly string[] }[],
): void {
  for (const [at, bundle] of bundles.entries()) {
    for (const other of bundles.slice(at + 1)) {
      for (const root of bundle.roots) {
        const claimed = other.roots.find((another) => overlap(root, another))
        if (claimed === undefined) continue
        throw new PolicyError(
          PolicyErrorCode.bundleRootsOverlap,
          `the bundles \`${bundle.name}\` and \`${other.name}\` overlap: their roots ` +
            `\`${root}\` and \`${claimed}\` hold the same data, name other roots at their build`,
        )
      }
    }
  }
}

function overlap(one: string, other: string): boolean {
  const [a, b] = [segmentsOf(one), segmentsOf(other)]
  return contains(a, b) || contains(b, a)
}

/** A root as the path that it is. */
export function segmentsOf(root: string): readonly string[] {
  const normal = normalRoot(root)
  return normal === '' ? [] : normal.split('/')
}

function contains(root: readonly string[], path: readonly string[]): boolean {
  return root.length <= path.length && root.every((segment, at) => segment === path[at])
}
