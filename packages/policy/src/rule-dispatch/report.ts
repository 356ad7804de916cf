/** What became of the rules of one name in one package. */
export interface DispatchedRules {
  /** Where the first of them is. */
  readonly file: string
  readonly line: number
  readonly rule: string
  readonly rules: number
  /** Where a lookup finds those that can hold; what is looked up first is told first. */
  readonly tables: readonly {
    /** What is looked up. */
    readonly by: string
    readonly rules: number
    readonly keys: number
    /** How many rules one key leads to at most, before they are split further. */
    readonly rulesTogetherMax: number
  }[]
  /** How many are asked in turn, until one holds. */
  readonly chained: number
  /** Those that stay as they are, and why. */
  readonly leftAlone: readonly { readonly rules: number; readonly why: string }[]
}

/** Which rules are found by a lookup and asked in turn, and which are left alone and why. */
export interface DispatchReport {
  readonly dispatched: number
  readonly chained: number
  readonly groups: readonly DispatchedRules[]
  /** Why files, or all policies, were left alone as a whole. */
  readonly leftAlone: readonly { readonly file?: string; readonly why: string }[]
}

/** The report where none of it could be used after all. */
export function withoutDispatch(report: DispatchReport, why: string): DispatchReport {
  const groups = report.groups.map((group) => {
    const changed = group.tables.length > 0 || group.chained > 0
    const leftAlone = [{ rules: group.rules, why: 'what was made of them does not compile' }]
    return changed ? { ...group, tables: [], chained: 0, leftAlone } : group
  })
  return { dispatched: 0, chained: 0, groups, leftAlone: [...report.leftAlone, { why }] }
}
