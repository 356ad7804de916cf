import type { BuiltArchive, DispatchedRules, FamilyReport } from '@verdict/policy'
import { printable } from '../terminal.ts'

/** Lines that are missed are named so often for each file. */
const LINES_MAX = 10

/** What a build found out, for people: what the rule index did, and what no test runs through. */
export function reportRows({ ruleIndex, coverage, labels }: BuiltArchive): string[] {
  const rows: string[] = []
  if (ruleIndex !== undefined) {
    rows.push('', `rule index: ${ruleIndex.indexed} of ${ruleIndex.rules} rules are looked up`)
    rows.push(...ruleIndex.families.map(familyRow))
    rows.push(...ruleIndex.leftAlone.map(leftAloneRow))
    const { dispatch } = ruleIndex
    if (dispatch !== undefined && dispatch.groups.length + dispatch.leftAlone.length > 0) {
      const { dispatched, chained } = dispatch
      rows.push('', `dispatch: ${dispatched} rules by a lookup, ${chained} in turn until one holds`)
      rows.push(...dispatch.groups.flatMap(dispatchRows))
      rows.push(...dispatch.leftAlone.map(leftAloneRow))
    }
  }
  if (labels !== undefined && labels.names.length + labels.leftAlone.length > 0) {
    rows.push('', `labels: ${labels.names.length}, of ${labels.rules} rules`)
    rows.push(...labels.leftAlone.map(leftAloneRow))
  }
  if (coverage.missed.length > 0) rows.push('', 'not run through by any test:')
  for (const { file, lines } of coverage.missed) {
    const more = lines.length > LINES_MAX ? ', …' : ''
    rows.push(`  ${file}: line ${lines.slice(0, LINES_MAX).join(', ')}${more}`)
  }
  return rows.map(printable)
}

function familyRow({ file, line, rule, rules, table, why }: FamilyReport): string {
  const what = `  ${file}:${line} ${rule}, ${rules} ${rules === 1 ? 'rule' : 'rules'}`
  if (table === undefined) return `${what}: left alone, ${why ?? 'no reason is told'}`
  return `${what}: by ${table.by.join(', ')}; at most ${table.rowsTogetherMax} to go through`
}

function dispatchRows({ tables, chained, leftAlone, ...group }: DispatchedRules): string[] {
  const what = `  ${group.file}:${group.line} ${group.rule}`
  return [
    ...tables.map(
      ({ by, rules, rulesTogetherMax }) =>
        `${what}, ${rules} rules: by ${by}; at most ${rulesTogetherMax} to go through`,
    ),
    ...(chained > 0 ? [`${what}, ${chained} rules: in turn, until one holds`] : []),
    ...leftAlone.map(({ rules, why }) => `${what}, ${rules} rules: left alone, ${why}`),
  ]
}

function leftAloneRow({ file, line, why }: { file?: string; line?: number; why: string }): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `
  return `  ${place}left alone, ${why}`
}
