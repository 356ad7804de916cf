import { isObject } from '../value/value.ts'
import type { Change, NearMiss } from './explanation.ts'
import { placeOf } from './rank.ts'
import { shownText } from './shown.ts'
import { ANYTHING, type Want } from './wants.ts'

/** Near misses that are told. */
const NEAR_MISSES_MAX = 5
/** Values that would do at one place, of which one near miss tells. */
const VALUES_MAX = 5

/** Changes of one place are one near miss, whichever value; of one place there is one kind. */
export function grouped(found: readonly (readonly Want[])[]): NearMiss[] {
  const groups = new Map<string, Change[]>()
  for (const wants of found) {
    const changes = wants.map(changeOf)
    const key = changes.map(({ place }) => place).join('\n')
    const group = groups.get(key)
    if (group !== undefined) addValue(group, changes)
    else if (groups.size >= NEAR_MISSES_MAX) continue
    else if (![...groups.keys()].some((known) => overlap(known, key))) groups.set(key, changes)
  }
  return [...groups.values()].map((changes) => ({ changes }))
}

/** Whether one place is within the other: what is more is no nearer. */
function overlap(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  return long.startsWith(`${short}.`) || long.startsWith(`${short}[`)
}

/** Pairs are told as they are: not each value goes with each other one. */
function addValue(group: Change[], [change, ...others]: readonly Change[]): void {
  const [only] = group
  const [value] = change?.values ?? []
  if (only === undefined || value === undefined || others.length > 0) return
  if (only.kind !== change?.kind || only.values.length >= VALUES_MAX) return
  if (!only.values.includes(value)) group[0] = { ...only, values: [...only.values, value] }
}

function changeOf({ path, kind, value }: Want): Change {
  const [only, ...others] = value !== undefined && isObject(value) ? value : []
  if (kind === 'be' && only !== undefined && others.length === 0) {
    return changeOf({ path: [...path, only[0]], kind, value: only[1] })
  }
  const known = value !== undefined && value !== ANYTHING && kind !== 'differ'
  return {
    place: placeOf({ path, kind }),
    kind: kind === 'be' && !known ? 'exist' : kind,
    values: known ? [shownText(value)] : [],
  }
}
