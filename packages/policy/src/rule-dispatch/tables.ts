import type { Candidate } from './candidate.ts'

/** Fewer rules are as fast as a lookup of them. */
export const DISPATCH_RULES_MIN = 8
/** Of the rules that a lookup chooses from, it must leave less than one in so many. */
const NARROWS_MIN = 2
/**
 * Rules that are found under several strings are there several times: so often on average, in the
 * first of the lookups that follow each other, and once in the others.
 */
const COPIES_MAX = 4
/** For the rules of one name, so many parts of the input are looked up at most. */
const TABLES_MAX = 8

/** Rules by a string that a part of the input must be for them to hold. */
export interface DispatchTable {
  readonly subject: string
  readonly rules: number
  readonly rulesTogetherMax: number
  readonly buckets: ReadonlyMap<string, readonly Candidate[]>
}

/** Splits rules by what tells them apart best, again and again, and tells which ones are left. */
export function tablesOf(
  rules: readonly Candidate[],
  copiesMax = COPIES_MAX,
): {
  readonly tables: readonly DispatchTable[]
  readonly rest: readonly Candidate[]
} {
  const tables: DispatchTable[] = []
  let rest = rules
  while (tables.length < TABLES_MAX) {
    const table = bestTable(rest, copiesMax)
    if (table === undefined) break
    tables.push(table)
    rest = rest.filter(({ tests }) => !tests.some(({ subject }) => subject === table.subject))
  }
  return { tables, rest }
}

function bestTable(rules: readonly Candidate[], copiesMax: number): DispatchTable | undefined {
  if (rules.length < DISPATCH_RULES_MIN) return undefined
  let best: DispatchTable | undefined
  for (const table of possibleTables(rules, copiesMax)) {
    const isWorthwhile =
      table.rules >= DISPATCH_RULES_MIN && table.rulesTogetherMax * NARROWS_MIN <= table.rules
    if (isWorthwhile && (best === undefined || spared(table) > spared(best))) best = table
  }
  return best
}

/** How many rules need not be asked, at least. */
function spared({ rules, rulesTogetherMax }: DispatchTable): number {
  return rules - rulesTogetherMax
}

function* possibleTables(rules: readonly Candidate[], copiesMax: number): Generator<DispatchTable> {
  const subjects = new Map<string, { rules: number; buckets: Map<string, Candidate[]> }>()
  for (const rule of rules) {
    for (const [subject, keys] of keysBySubject(rule)) {
      const table = subjects.get(subject) ?? { rules: 0, buckets: new Map<string, Candidate[]>() }
      subjects.set(subject, table)
      table.rules++
      for (const key of keys) {
        const bucket = table.buckets.get(key)
        if (bucket === undefined) table.buckets.set(key, [rule])
        else bucket.push(rule)
      }
    }
  }
  for (const [subject, { rules: count, buckets }] of subjects) {
    const sizes = [...buckets.values()].map(({ length }) => length)
    const copies = sizes.reduce((sum, size) => sum + size, 0)
    const most = sizes.reduce((max, size) => Math.max(max, size), 0)
    if (copies > count * copiesMax) continue
    yield { subject, rules: count, rulesTogetherMax: most, buckets }
  }
}

/** Of several tests of one part any will do: the first. */
function keysBySubject({ tests }: Candidate): ReadonlyMap<string, readonly string[]> {
  const first = new Map<string, readonly string[]>()
  for (const { subject, keys } of tests) if (!first.has(subject)) first.set(subject, keys)
  return first
}
