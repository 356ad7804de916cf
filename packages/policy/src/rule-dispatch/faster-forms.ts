import { type RuleIndexReport, withoutTables } from '../rule-index/report.ts'
import { indexRules } from '../rule-index/rule-index.ts'
import type { ParseModule } from '../rule-index/source-index.ts'
import type { SourceFile } from '../sources.ts'
import { rulesOfManyForms } from './many-forms.ts'
import { withoutDispatch } from './report.ts'
import { dispatchRules } from './rule-dispatch.ts'

/** Sources that mean the same, and are decided faster. */
export interface FasterForm {
  readonly name: string
  readonly files: readonly SourceFile[]
}

/**
 * Rules in tables, and of those that are left the ones that can be found by a lookup or asked in
 * turn: the forms of the policies of which the first that OPA compiles is to be taken. Without any,
 * the report tells why.
 */
export async function fasterForms(
  files: readonly SourceFile[],
  parse: ParseModule,
): Promise<{ readonly forms: readonly FasterForm[]; readonly report: RuleIndexReport }> {
  const many = await rulesOfManyForms(files, parse)
  const index = await indexRules(files, parse, (place) => many.has(place))
  const { report: tables } = index
  // What keeps all rules from tables keeps them from lookups, which are tables too.
  if (tables.leftAlone.some(({ file }) => file === undefined)) return { forms: [], report: tables }
  const { files: dispatched, report: dispatch } = await dispatchRules(index.files, parse)
  const isTold = dispatch.groups.length + dispatch.leftAlone.length > 0
  const report = { ...tables, ...(isTold && { dispatch }) }
  const forms: FasterForm[] = []
  if (dispatched !== index.files) forms.push({ name: 'dispatched', files: dispatched })
  if (tables.indexed > 0) forms.push({ name: 'indexed', files: index.files })
  return { forms, report }
}

/** The report where OPA does not compile a form. */
export function withoutForm(name: string, report: RuleIndexReport, why: string): RuleIndexReport {
  const { dispatch } = report
  if (name === 'indexed' || dispatch === undefined) return withoutTables(report, why)
  return { ...report, dispatch: withoutDispatch(dispatch, why) }
}
