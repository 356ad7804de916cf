import { type Block, blocksOf, type Local, type Statement, statementsOf } from '../plan/plan.ts'
import { byPosition, contains, type Place, placeOf } from './place.ts'
import type { ProgramFunction } from './program.ts'

/** One body of a rule: what must hold, and what the rule is then. */
export interface Body {
  readonly kind: 'rule' | 'else' | 'default'
  readonly head: Place
  /** What must hold, in the order of the text; the last one is the head's own value. */
  readonly conditions: readonly Place[]
}

/** Where a statement belongs. */
export interface Belonging {
  readonly body: Body
  /** The number of its condition; undefined for what only begins or ends a body. */
  readonly condition: number | undefined
  /** Whether the body cannot hold where it fails; within a comprehension it can. */
  readonly decides: boolean
  readonly role: 'begins' | 'gives' | 'tries'
}

const cache = new WeakMap<ProgramFunction, ReadonlyMap<Statement, Belonging>>()

/**
 * The statements of a function by the bodies of its rules, as OPA's planner lays them out: each is a
 * block that begins by looking whether there is a value already, and gives one where it comes to
 * its end.
 */
export function bodiesOf(func: ProgramFunction): ReadonlyMap<Statement, Belonging> {
  const known = cache.get(func)
  if (known !== undefined) return known
  const found = new Map<Statement, Belonging>()
  for (const block of func.blocks) {
    for (const { body, head } of bodyBlocks(block)) addBody(func, body, head, found)
  }
  cache.set(func, found)
  return found
}

/** A rule with `else` is a block of blocks. */
function bodyBlocks(block: Block): { body: Block; head: Statement }[] {
  const [first, ...others] = block.stmts ?? []
  if (first === undefined) return []
  if (first.type === 'BlockStmt' && others.length === 0) return blocksOf(first).flatMap(bodyBlocks)
  const begins = first.type === 'ResetLocalStmt' || first.type === 'IsUndefinedStmt'
  return begins && others.length > 0 ? [{ body: block, head: first }] : []
}

function addBody(
  func: ProgramFunction,
  block: Block,
  first: Statement,
  found: Map<Statement, Belonging>,
): void {
  const head = placeOf(first)
  if (head === undefined) return
  const local = localOf(first)
  const kind = first.type === 'ResetLocalStmt' ? 'rule' : local === func.return ? 'default' : 'else'
  const gives = (statement: Statement) => givesValue(statement, local, func.return)
  const conditions = conditionsOf(block, head)
  const body: Body = { kind, head, conditions }
  const visit = ({ stmts }: Block, decides: boolean): void => {
    for (const statement of stmts ?? []) {
      const place = placeOf(statement)
      const condition = place === undefined ? undefined : conditionOf(body, place)
      const role = statement === first ? 'begins' : gives(statement) ? 'gives' : 'tries'
      found.set(statement, { body, condition, decides, role })
      for (const inner of blocksOf(statement)) visit(inner, decides && someGives(inner, gives))
    }
  }
  visit(block, true)
}

/** The places that no other one contains; the head's comes last, since it is evaluated last. */
function conditionsOf(block: Block, head: Place): Place[] {
  const places: Place[] = []
  for (const statement of statementsOf([block])) {
    const place = placeOf(statement)
    if (place === undefined || contains(head, place)) continue
    if (places.some((known) => contains(known, place))) continue
    for (let at = places.length - 1; at >= 0; at--) {
      if (contains(place, places[at] as Place)) places.splice(at, 1)
    }
    places.push(place)
  }
  return [...places.sort(byPosition), head]
}

function conditionOf({ head, conditions }: Body, place: Place): number | undefined {
  if (contains(head, place)) return conditions.length - 1
  const at = conditions.findIndex((condition) => contains(condition, place))
  return at < 0 ? undefined : at
}

function someGives(block: Block, gives: (statement: Statement) => boolean): boolean {
  for (const statement of statementsOf([block])) if (gives(statement)) return true
  return false
}

function givesValue({ type, stmt }: Statement, own: Local, returned: Local): boolean {
  const { target, set, object } = stmt
  if (type === 'AssignVarOnceStmt') return target === own || target === returned
  if (type === 'SetAddStmt') return set === returned
  return (type === 'ObjectInsertOnceStmt' || type === 'ObjectInsertStmt') && object === returned
}

function localOf({ stmt }: Statement): Local {
  const { target, source } = stmt
  return (target ?? source) as Local
}
