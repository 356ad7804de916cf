import type { DispatchReport } from '../rule-dispatch/report.ts'

/** The root of the data that holds the tables; a policy that names it is left as it is. */
export const TABLES_ROOT = 'verdict_index'

/** What became of the rules of one form. */
export interface FamilyReport {
  readonly file: string
  /** The line of the first of them. */
  readonly line: number
  /** The name of the rule that they define. */
  readonly rule: string
  readonly rules: number
  /** Where they were put into a table; else `why` tells what kept them from it. */
  readonly table?: {
    /** Under the root of the tables. */
    readonly name: string
    /** What is looked up, in this order. */
    readonly by: readonly string[]
    /** Of a row; behind them is the line of its rule. */
    readonly columns: number
    /** How many rules a request has to go through at worst, once it has looked up. */
    readonly rowsTogetherMax: number
  }
  readonly why?: string
}

/** What the rule index made of the policies, and what it left alone and why. */
export interface RuleIndexReport {
  readonly rules: number
  readonly indexed: number
  readonly families: readonly FamilyReport[]
  /** Why files, or all policies, were left alone as a whole. */
  readonly leftAlone: readonly { readonly file?: string; readonly why: string }[]
  /** What became of rules that are of different forms. */
  readonly dispatch?: DispatchReport
}

/** The report where none of the tables could be used after all. */
export function withoutTables(report: RuleIndexReport, why: string): RuleIndexReport {
  const families = report.families.map(({ table, ...family }) =>
    table === undefined ? family : { ...family, why: 'its table does not compile' },
  )
  return { ...report, indexed: 0, families, leftAlone: [...report.leftAlone, { why }] }
}
