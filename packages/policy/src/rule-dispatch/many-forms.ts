import { FAMILY_RULES_MIN } from '../rule-index/family.ts'
import type { ParseModule } from '../rule-index/source-index.ts'
import type { SourceFile } from '../sources.ts'
import { isTold } from './failures.ts'
import { formsOf } from './forms.ts'
import { candidatesOf, type Group, groupsOf } from './groups.ts'
import { tablesOf } from './tables.ts'

/** The tables of so few forms of rules are asked in turn. */
const FAMILIES_FEW = 8
/** A lookup must save so many rules for one that it leaves. */
const SAVES_MIN = 2

/**
 * Rules that would become tables, a table for each of many forms, where one lookup for all of them
 * leaves fewer rules than there would be tables: by their file and line.
 */
export async function rulesOfManyForms(
  files: readonly SourceFile[],
  parse: ParseModule,
): Promise<ReadonlySet<string>> {
  const places = new Set<string>()
  try {
    const groups = await groupsOf(files, parse)
    if (typeof groups === 'string') return places
    const many = groups.filter((group) => familiesOf(group).size > FAMILIES_FEW)
    const forms = await formsOf(many.flat(), parse)
    for (const group of many) {
      const families = familiesOf(group)
      for (const table of tablesOf(candidatesOf(group, forms).rules).tables) {
        const rules = [...table.buckets.values()].flat()
        const shapes = new Set(rules.map(({ statement: { shape } }) => shape))
        const saved = shapes.intersection(families).size
        if (saved <= FAMILIES_FEW || table.rulesTogetherMax * SAVES_MIN > saved) continue
        for (const { file, statement } of rules) places.add(`${file.file}:${statement.line}`)
      }
    }
  } catch (error) {
    // `dispatchRules` will tell of it.
    if (!isTold(error)) throw error
  }
  return places
}

/** The forms that have enough rules for a table. */
function familiesOf(group: Group): Set<string> {
  const counts = new Map<string, number>()
  for (const [, { shape }] of group) counts.set(shape, (counts.get(shape) ?? 0) + 1)
  const families = [...counts].filter(([, count]) => count >= FAMILY_RULES_MIN)
  return new Set(families.map(([shape]) => shape))
}
