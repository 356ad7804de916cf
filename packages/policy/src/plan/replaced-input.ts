import { INPUT, type Plan, statementsOf } from './plan.ts'

/**
 * Whether some rule replaces a part of the input, `with input.user as …`. A module then takes the
 * input for an object without looking, and writes into whatever memory it finds.
 */
export function replacesPartOfInput(plan: Plan): boolean {
  const bodies = [...plan.plans.plans, ...(plan.funcs?.funcs ?? [])]
  return bodies.some(({ blocks }) => {
    for (const { type, stmt } of statementsOf(blocks)) {
      const { local, path } = stmt as { local?: number; path?: readonly number[] | null }
      if (type === 'WithStmt' && local === INPUT && (path?.length ?? 0) > 0) return true
    }
    return false
  })
}
