import { decidedBy, type Family } from './family.ts'
import { TABLES_ROOT } from './report.ts'
import { textOf } from './statements.ts'
import { isByLength } from './table.ts'

/** Before the names of the variables of a table's rule; nothing in the sources begins so. */
const VARIABLE = `${TABLES_ROOT}_`

/**
 * The one rule that stands for a family: its conditions, in which the constants that differ are
 * those of a row that is looked up. By Rego's meaning of a rule that is several rules, one for each
 * row that there is.
 */
export function ruleOf(family: Family, table: string, single: boolean): string {
  const { pattern, keys, columns, first, rest } = family
  const decided = decidedBy(keys)
  const lines: string[] = []
  let names = 0
  let node = `data.${TABLES_ROOT}.${table}`
  const constant = (place: number): string =>
    columns.has(place)
      ? `${VARIABLE}c${rest.indexOf(place)}`
      : JSON.stringify(first[place] as string | number)
  const name = (): string => `${VARIABLE}${names++}`
  const held = (): void => {
    if (/^\w+$/.test(node)) return
    const variable = name()
    lines.push(`${variable} := ${node}`)
    node = variable
  }
  const lookUp = (key: (typeof keys)[number]): void => {
    if (key.kind === 'member') {
      const member = name()
      lines.push(`some ${member} in ${key.subject}`)
      node += `[${member}]`
    } else if (isByLength(key)) {
      const part = name()
      const subject = key.kind === 'suffix' ? `strings.reverse(${key.subject})` : key.subject
      lines.push(`some ${part} in ${node}`)
      node = `${part}[1][substring(${subject}, 0, ${part}[0])]`
    } else node += `[${key.subject}]`
  }
  for (const key of keys) if (key.anywhere) lookUp(key)
  held()
  let open = false
  const openRow = (): void => {
    if (open) return
    open = true
    held()
    if (!single) {
      const row = name()
      lines.push(`some ${row} in ${node}`)
      node = row
    }
    for (const at of rest.keys()) lines.push(`${VARIABLE}c${at} := ${node}[${at}]`)
  }
  for (const condition of pattern.conditions) {
    const late = keys.find((key) => key.condition === condition && !key.anywhere)
    if (late !== undefined) {
      lookUp(late)
      held()
    }
    if (decided.has(condition)) continue
    if (condition.constants.some((place) => columns.has(place))) openRow()
    lines.push(textOf(condition.tokens, constant, condition.firstConstant))
  }
  openRow()
  return `${textOf(pattern.head, constant)} if {\n${lines.map((line) => `\t${line}\n`).join('')}}\n`
}
