import { TABLES_ROOT } from '../rule-index/report.ts'
import { equal } from '../value/compare.ts'
import { isObject, type Value } from '../value/value.ts'
import type { Changes } from './changes.ts'

/** A comparison of data tells this many paths, and how many more there are. */
const TOLD_MAX = 100

/** By paths such as `/shop/prices/1`. */
export interface DataChanges extends Changes {
  /** How many there are besides those that are told. */
  readonly more: number
}

/**
 * The smallest parts of data that differ: below objects that are in both. The tables of the rule
 * index are rules, and left out.
 */
export function diffData(before: Value, after: Value): DataChanges {
  const found = { added: [] as string[], removed: [] as string[], changed: [] as string[], more: 0 }
  const note = (kind: keyof Changes, path: string) => {
    const told = found.added.length + found.removed.length + found.changed.length
    if (told < TOLD_MAX) found[kind].push(path || '/')
    else found.more += 1
  }
  compareBelow(before, after, '', note)
  return found
}

type Note = (kind: keyof Changes, path: string) => void

function compareBelow(before: Value, after: Value, path: string, note: Note): void {
  if (!isObject(before) || !isObject(after)) {
    if (!equal(before, after)) note('changed', path)
    return
  }
  for (const [key, value] of before) {
    if (isTables(key, path)) continue
    const below = `${path}/${key}`
    const other = after.get(key)
    if (other === undefined) note('removed', below)
    else compareBelow(value, other, below, note)
  }
  for (const key of after.keys()) {
    if (!(before.has(key) || isTables(key, path))) note('added', `${path}/${key}`)
  }
}

function isTables(key: Value, path: string): boolean {
  return path === '' && key === TABLES_ROOT
}
