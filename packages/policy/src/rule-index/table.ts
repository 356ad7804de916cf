import type { Family } from './family.ts'
import type { Key, Row } from './key.ts'
import type { Statement } from './statements.ts'
import type { Constant } from './tokens.ts'

/** The columns that are left, and the line of the rule. */
type TableRow = readonly Constant[]
/** By length, the texts of that length. */
type ByLength = readonly (readonly [number, Table])[]
/** By a string, the next; in the end rows, or the one row where there is never another. */
export type Table = { [key: string]: Table } | ByLength | readonly TableRow[] | TableRow

/** Whether a key is looked up for each length that its texts have. */
export function isByLength({ kind }: Key): boolean {
  return kind === 'prefix' || kind === 'suffix' || kind === 'glob'
}

/** The table of a family, as data. */
export function tableOf(family: Family): { table: Table; single: boolean } {
  const leaves: TableRow[][] = []
  const nest = (rules: readonly Statement[], keys: readonly Key[]): Table => {
    const [key, ...others] = keys
    if (key === undefined) {
      const rows = rowsOf(rules, family)
      leaves.push(rows)
      return rows
    }
    const parts = [...splitRules(rules, key)].map(
      ([text, part]) => [text, nest(part, others)] as const,
    )
    if (!isByLength(key)) return objectOf(parts)
    const lengths = Map.groupBy(parts, ([text]) => [...text].length)
    return [...lengths].map(([length, same]) => [length, objectOf(same)] as const)
  }
  const table = nest(family.rules, family.keys)
  const single = leaves.every(({ length }) => length === 1)
  return { table: single ? unwrapped(table, family.keys) : table, single }
}

/** Of rules that do the same, one is enough. */
function rowsOf(rules: readonly Statement[], { rest }: Family): TableRow[] {
  const rows = new Map<string, TableRow>()
  for (const { constants, line } of rules) {
    const columns = rest.map((place) => constants[place] as Constant)
    const same = JSON.stringify(columns)
    if (!rows.has(same)) rows.set(same, [...columns, line])
  }
  return [...rows.values()]
}

function splitRules(rules: readonly Statement[], key: Key): Map<string, Statement[]> {
  const parts = new Map<string, Statement[]>()
  for (const rule of rules) {
    for (const text of key.under(rule.constants as Row)) {
      const part = parts.get(text)
      if (part === undefined) parts.set(text, [rule])
      else part.push(rule)
    }
  }
  return parts
}

/** Without the arrays around single rows. */
function unwrapped(table: Table, [key, ...others]: readonly Key[]): Table {
  if (key === undefined) return (table as readonly TableRow[])[0] ?? []
  const inner = (object: Table): Table =>
    objectOf(
      Object.entries(object as Record<string, Table>).map(
        ([text, part]) => [text, unwrapped(part, others)] as const,
      ),
    )
  if (!isByLength(key)) return inner(table)
  return (table as ByLength).map(([length, object]) => [length, inner(object)] as const)
}

/** Any string is a key of it, `__proto__` too. */
function objectOf(entries: readonly (readonly [string, Table])[]): Record<string, Table> {
  const object = Object.create(null) as Record<string, Table>
  for (const [key, value] of entries) object[key] = value
  return object
}
