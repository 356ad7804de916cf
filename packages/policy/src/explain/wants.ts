import { isSet, type Value } from '../value/value.ts'
import { type Origin, placeKey } from './origin.ts'
import { shownText } from './shown.ts'

/** Places of the input for which something is wanted; of more, nothing is kept. */
const PLACES_MAX = 256
/** What is wanted at one place; of more, the first. */
const WANTS_PER_PLACE_MAX = 12

/** What stands where something is wanted, and nobody knows what. */
export const ANYTHING = '…'

/** A change of the input that some condition would have another result for. */
export interface Want {
  readonly path: readonly Value[]
  /** What is at the path is this, contains this, is there, is something else, is not there. */
  readonly kind: 'be' | 'contain' | 'exist' | 'differ' | 'lack'
  /** Absent for `lack`. */
  readonly value?: Value
}

/** What the conditions of one evaluation would have liked the input to be. */
export class Wants {
  readonly #byPlace = new Map<string, Map<string, Want>>()

  /** That a value were another one. */
  be(origin: Origin | undefined, wanted: Value | undefined): void {
    if (origin === undefined || wanted === undefined) return
    const value = origin.put === undefined ? wanted : origin.put(wanted)
    if (value === undefined || isSet(value)) return
    this.#add(origin, { path: origin.path, kind: 'be', value })
  }

  /** That a value were one of these. */
  beOneOf(origin: Origin | undefined, values: Iterable<Value>): void {
    if (origin === undefined) return
    let left = WANTS_PER_PLACE_MAX
    for (const value of values) {
      if (left-- <= 0) return
      this.be(origin, value)
    }
  }

  contain(origin: Origin | undefined, member: Value | undefined): void {
    if (origin === undefined || origin.put !== undefined || member === undefined) return
    this.#add(origin, { path: origin.path, kind: 'contain', value: member })
  }

  exist(origin: Origin | undefined): void {
    if (origin === undefined || origin.put !== undefined) return
    this.#add(origin, { path: origin.path, kind: 'exist', value: ANYTHING })
  }

  /** That a value were not what it is. */
  differ({ origin, value }: { origin?: Origin; value: Value | undefined }): void {
    if (origin === undefined || value === undefined || typeof value === 'object') return
    const other = origin.put === undefined ? ANYTHING : origin.put(ANYTHING)
    if (other === undefined || isSet(other)) return
    this.#add(origin, { path: origin.path, kind: 'differ', value: other })
  }

  lack(origin: Origin | undefined): void {
    if (origin === undefined || origin.put !== undefined || origin.path.length === 0) return
    this.#add(origin, { path: origin.path, kind: 'lack' })
  }

  *[Symbol.iterator](): Generator<Want> {
    for (const wants of this.#byPlace.values()) yield* wants.values()
  }

  #add(origin: Origin, want: Want): void {
    if (origin.document !== 'input') return
    const key = placeKey(origin)
    let wants = this.#byPlace.get(key)
    if (wants === undefined) {
      if (this.#byPlace.size >= PLACES_MAX) return
      wants = new Map()
      this.#byPlace.set(key, wants)
    }
    if (wants.size >= WANTS_PER_PLACE_MAX) return
    wants.set(wantKey(want), want)
  }
}

/** The same for the same change. */
export function wantKey({ path, kind, value }: Want): string {
  return `${kind} ${placeKey({ document: 'input', path })} ${value === undefined ? '' : shownText(value)}`
}
