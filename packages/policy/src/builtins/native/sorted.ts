import { compare } from '../../value/compare.ts'
import type { Value } from '../../value/value.ts'

/** Of values in Rego's order, those that are among others in that order, and those that are not. */
export function partition(
  values: Iterable<Value>,
  others: Iterable<Value>,
): { readonly shared: readonly Value[]; readonly own: readonly Value[] } {
  const shared: Value[] = []
  const own: Value[] = []
  const known = [...others]
  let at = 0
  for (const value of values) {
    while (at < known.length && compare(known[at] as Value, value) < 0) at++
    const isShared = at < known.length && compare(known[at] as Value, value) === 0
    ;(isShared ? shared : own).push(value)
  }
  return { shared, own }
}

/** Where a value is among values in Rego's order; -1 where it is not. */
export function indexIn(values: readonly Value[], value: Value): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = compare(values[middle] as Value, value)
    if (order === 0) return middle
    if (order < 0) low = middle + 1
    else high = middle
  }
  return -1
}

/** What comes under each key, in the order of the entries; the keys in Rego's order. */
export function grouped<T>(entries: readonly (readonly [Value, T])[]): [Value, T[]][] {
  const groups: [Value, T[]][] = []
  for (const [key, held] of [...entries].sort(([a], [b]) => compare(a, b))) {
    const last = groups.at(-1)
    if (last !== undefined && compare(last[0], key) === 0) last[1].push(held)
    else groups.push([key, [held]])
  }
  return groups
}
