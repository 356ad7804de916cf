import { type Block, blocksOf, type Plan, type Statement, statementsOf } from '../plan/plan.ts'
import { HELD } from './held.ts'

/** A place in the sources that a plan was made of. */
export interface PlanPlace {
  readonly file: string
  readonly row: number
}

interface Located {
  readonly file: number
  readonly row: number
  readonly col: number
}

/**
 * Where rules tell that they hold before all of their conditions are asked: OPA asks a condition
 * later than it is written where a variable of it gets its value later.
 */
export function toldTooEarly(plan: Plan): PlanPlace[] {
  const files = plan.static.files ?? []
  const early: PlanPlace[] = []
  const visit = (blocks: readonly Block[]): void => {
    for (const { stmts } of blocks) {
      for (const [at, statement] of (stmts ?? []).entries()) {
        visit(blocksOf(statement))
        if (statement.type !== 'CallStmt' || statement.stmt['func'] !== HELD) continue
        const told = placeOf(statement)
        const later = statementsOf([{ stmts: (stmts ?? []).slice(at + 1) }])
        if (!later.some((each) => isBehind(placeOf(each), told))) continue
        early.push({ file: files[told.file]?.value ?? '', row: told.row })
      }
    }
  }
  for (const { blocks } of plan.funcs?.funcs ?? []) visit(blocks)
  return early
}

/** A rule's conditions stand behind the value in its head, which is where it tells. */
function isBehind(place: Located, told: Located): boolean {
  return place.row > told.row || (place.row === told.row && place.col > told.col)
}

function placeOf({ stmt }: Statement): Located {
  const { file, row, col } = stmt as unknown as Located
  return { file, row, col }
}
