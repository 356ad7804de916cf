import { type Common, type Key, keysOf, type Row } from './key.ts'
import type { Pattern } from './pattern.ts'
import type { Statement } from './statements.ts'

/** Fewer rules are as fast as a table of them. */
export const FAMILY_RULES_MIN = 8
/** Rules that are found together and asked in turn: with fewer, no further key is worth its cost. */
const ROWS_TOGETHER_FEW = 4
/** A key that is a list of strings puts a rule into several places: at most so many, on average. */
const COPIES_MAX = 8
/** Of the rules of a family, a lookup must leave less than one in so many. */
const NARROWS_MIN = 4

/** Rules of one form, and how they are looked up. */
export interface Family extends Common {
  readonly rules: readonly Statement[]
  readonly keys: readonly Key[]
  /** The columns that are needed once a row is found, in the order of a row. */
  readonly rest: readonly number[]
  readonly rowsTogetherMax: number
}

const ANYWHERE_FIRST: readonly Key['kind'][] = [
  ...(['equal', 'element', 'member', 'prefix', 'suffix', 'glob'] as const),
]

/** How rules of one form are best looked up; or why they are not. */
export function familyOf(
  pattern: Pattern,
  rules: readonly Statement[],
  aliases: ReadonlySet<string>,
): Family | string {
  const rows = rules.map(({ constants }) => constants)
  const [first = []] = rows
  const columns = new Set(first.keys().filter((at) => rows.some((row) => row[at] !== first[at])))
  const common: Common = { pattern, columns, first, aliases }
  const chosen = chooseKeys(common, rows)
  if (chosen.keys.length === 0) return 'no condition looks up a string that differs between them'
  const together = chosen.groups.reduce((most, group) => Math.max(most, group.length), 0)
  if (together * NARROWS_MIN > rules.length) {
    return `${together} of them are still to be asked after a lookup`
  }
  const decided = decidedBy(chosen.keys)
  const rest = [
    ...pattern.headConstants,
    ...pattern.conditions.filter((each) => !decided.has(each)).flatMap((each) => each.constants),
  ].filter((place) => columns.has(place))
  return { ...common, rules, keys: chosen.keys, rest, rowsTogetherMax: together }
}

/** The conditions that a lookup answers. */
export function decidedBy(keys: readonly Key[]): ReadonlySet<Key['condition']> {
  return new Set(keys.filter(({ decides }) => decides).map(({ condition }) => condition))
}

/**
 * First what can be looked up before anything else, the cheapest first; then, in the order of the
 * body, what needs a variable, as far as nothing before it needs the row that is looked up.
 */
function chooseKeys(common: Common, rows: readonly Row[]): { keys: Key[]; groups: Row[][] } {
  const possible = common.pattern.conditions.map((condition) => keysOf(condition, common))
  const keys: Key[] = []
  let groups: Row[][] = [rows.slice()]
  const take = (key: Key): boolean => {
    if (key.kind === 'suffix' && !rows.every((row) => key.under(row).every(isAscii))) return false
    const narrower = groups.flatMap((group) => split(group, key))
    const copies = narrower.reduce((sum, group) => sum + group.length, 0)
    if (copies > rows.length * COPIES_MAX) return false
    const cheap = key.kind === 'equal'
    const few = Math.min(ROWS_TOGETHER_FEW, rows.length / NARROWS_MIN)
    const wide = groups.some((group) => group.length > few)
    if (!cheap && !(wide && narrower.length > groups.length)) return false
    keys.push(key)
    groups = narrower
    return true
  }
  const early = possible.flat().filter(({ anywhere }) => anywhere)
  for (const kind of ANYWHERE_FIRST) for (const key of early) if (key.kind === kind) take(key)
  for (const [at, condition] of common.pattern.conditions.entries()) {
    if (decidedBy(keys).has(condition)) continue
    const late = possible[at]?.find(({ anywhere, kind }) => !anywhere && kind === 'equal')
    if (late !== undefined && take(late)) continue
    if (condition.constants.some((place) => common.columns.has(place))) break
  }
  return { keys, groups }
}

function split(group: readonly Row[], key: Key): Row[][] {
  const parts = new Map<string, Row[]>()
  for (const row of group) {
    for (const text of key.under(row)) {
      const part = parts.get(text)
      if (part === undefined) parts.set(text, [row])
      else part.push(row)
    }
  }
  return [...parts.values()]
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text)
}
