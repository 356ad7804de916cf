import { compare, hasMember, valueAt } from '../value/compare.ts'
import type { Value } from '../value/value.ts'

/** Takes from what the evaluation may cost. */
export type Spend = (units: number) => void
/** To look through members costs less than a statement does. */
const UNITS_PER_MEMBER = 1 / 16

/**
 * A set that a plan fills. Statements share it while it grows, so that it is changed in place; it
 * is put into Rego's order when somebody looks through it.
 */
export class GrowingSet extends Set<Value> {
  readonly #spend: Spend
  #sorted: boolean = true
  #last: Value | undefined

  constructor(spend: Spend) {
    super()
    this.#spend = spend
  }

  insert(member: Value): void {
    if (isComposite(member)) {
      this.#spend(this.size * UNITS_PER_MEMBER)
      if (hasMember(this, member)) return
    } else if (this.has(member)) return
    this.#sorted &&= this.#last === undefined || compare(this.#last, member) < 0
    this.#last = member
    super.add(member)
  }

  override [Symbol.iterator](): SetIterator<Value> {
    this.#sort()
    return super[Symbol.iterator]()
  }

  override values(): SetIterator<Value> {
    return this[Symbol.iterator]()
  }

  override keys(): SetIterator<Value> {
    return this[Symbol.iterator]()
  }

  override forEach(visit: (value: Value, again: Value, set: Set<Value>) => void): void {
    for (const member of this) visit(member, member, this)
  }

  #sort(): void {
    if (this.#sorted) return
    this.#sorted = true
    this.#spend(this.size * UNITS_PER_MEMBER)
    const members = [...super[Symbol.iterator]()].sort(compare)
    this.clear()
    for (const member of members) super.add(member)
    this.#last = members.at(-1)
  }
}

/** As GrowingSet, an object. */
export class GrowingObject extends Map<Value, Value> {
  readonly #spend: Spend
  #sorted: boolean = true
  #last: Value | undefined

  constructor(spend: Spend) {
    super()
    this.#spend = spend
  }

  insert(key: Value, value: Value): void {
    const own = isComposite(key) ? this.#ownKey(key) : key
    if (!this.has(own)) {
      this.#sorted &&= this.#last === undefined || compare(this.#last, own) < 0
      this.#last = own
    }
    super.set(own, value)
  }

  /** The key as it is in here, where one that is equal is. */
  #ownKey(key: Value): Value {
    this.#spend(this.size * UNITS_PER_MEMBER)
    if (valueAt(this, key) === undefined) return key
    for (const known of this.keys()) if (compare(known, key) === 0) return known
    return key
  }

  override [Symbol.iterator](): MapIterator<[Value, Value]> {
    this.#sort()
    return super[Symbol.iterator]()
  }

  override entries(): MapIterator<[Value, Value]> {
    return this[Symbol.iterator]()
  }

  override keys(): MapIterator<Value> {
    this.#sort()
    return super.keys()
  }

  override values(): MapIterator<Value> {
    this.#sort()
    return super.values()
  }

  override forEach(visit: (value: Value, key: Value, map: Map<Value, Value>) => void): void {
    for (const [key, value] of this) visit(value, key, this)
  }

  #sort(): void {
    if (this.#sorted) return
    this.#sorted = true
    this.#spend(this.size * UNITS_PER_MEMBER)
    const entries = [...super[Symbol.iterator]()].sort(([a], [b]) => compare(a, b))
    this.clear()
    for (const [key, value] of entries) super.set(key, value)
    this.#last = entries.at(-1)?.[0]
  }
}

/** Of strings, booleans and null, two that are equal are the same; of others there may be more. */
function isComposite(value: Value): boolean {
  return typeof value !== 'string' && typeof value !== 'boolean' && value !== null
}
