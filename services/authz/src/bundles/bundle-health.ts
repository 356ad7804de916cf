import type { CheckResult } from '@verdict/service'
import type { ActiveBundle } from './active-bundles.ts'
import type { Refusal } from './refusal.ts'

/** Of more rules that no bundle has, health tells the first. */
const MISSING_TOLD_MAX = 5

/** What there is to tell of the bundles. */
export interface BundlesCondition {
  /** The rule that decides where nothing names another. */
  readonly entrypoint: string
  readonly followers: Iterable<{
    readonly name: string
    readonly active: ActiveBundle | undefined
    readonly refused: Refusal | undefined
  }>
  /** Rules that settings or routes name, and that no bundle has. */
  readonly missing: readonly string[]
  readonly dataLoaded: boolean
  /** Paths of data outside of all roots. */
  readonly dataUnowned: number
  readonly routesRefused: { readonly message: string } | undefined
}

/**
 * Ready is who has a policy of each bundle, with its data, and the rule that decides by default.
 * What was refused is no reason not to be: the last good one decides.
 */
export function bundlesHealth(condition: BundlesCondition): CheckResult {
  const { entrypoint, missing, dataLoaded, dataUnowned, routesRefused } = condition
  let ok = dataLoaded && !missing.includes(entrypoint)
  const told: string[] = []
  for (const { name, active, refused } of condition.followers) {
    ok &&= active !== undefined
    const what = active && `revision ${active.revision}, serial ${active.serial}`
    const why = refused && `; what came later was refused: ${refused.code}: ${refused.message}`
    told.push(`\`${name}\`: ${what ?? 'no bundle is active'}${why ?? ''}`)
  }
  if (missing.length > 0) {
    const shown = missing.slice(0, MISSING_TOLD_MAX).map((one) => `\`${one}\``)
    told.push(`rules that no bundle has: ${missing.length} (${shown.join(', ')})`)
  }
  if (!dataLoaded) told.push('the data of the bus is not loaded yet')
  if (dataUnowned > 0) told.push(`data outside of all roots: ${dataUnowned}`)
  if (routesRefused !== undefined) told.push(`the routes were refused: ${routesRefused.message}`)
  return { ok, detail: told.join('; ') }
}
