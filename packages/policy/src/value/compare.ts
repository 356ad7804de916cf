import {
  Decimal,
  isArray,
  isNumber,
  isObject,
  isSet,
  type RegoArray,
  type RegoNumber,
  type RegoObject,
  type RegoSet,
  type TypeName,
  textOf,
  typeName,
  type Value,
} from './value.ts'

/** Rego's order of values of different types. */
const RANKS: Readonly<Record<TypeName, number>> = {
  null: 0,
  boolean: 1,
  number: 2,
  string: 3,
  array: 4,
  object: 5,
  set: 6,
}

/** Below 0 where `a` comes first in Rego's order, 0 where both are the same value. */
export function compare(a: Value, b: Value): number {
  if (a === b) return 0
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b)
  const ranks = RANKS[typeName(a)] - RANKS[typeName(b)]
  if (ranks !== 0) return ranks
  if (typeof a === 'boolean') return a ? 1 : -1
  if (isArray(a)) return compareAll(a, b as RegoArray)
  if (isSet(a)) return compareAll([...a], [...(b as RegoSet)])
  return isObject(a) ? compareAll([...a].flat(1), [...(b as RegoObject)].flat(1)) : 0
}

export function equal(a: Value, b: Value): boolean {
  return compare(a, b) === 0
}

/** A set of these values. */
export function setOf(values: Iterable<Value>): RegoSet {
  const sorted = [...values].sort(compare)
  return new Set(sorted.filter((value, at) => at === 0 || !equal(value, sorted[at - 1] as Value)))
}

/** An object of these entries; of two with the same key the later one counts. */
export function objectOf(entries: Iterable<readonly [Value, Value]>): RegoObject {
  const sorted = [...entries].sort(([a], [b]) => compare(a, b))
  return new Map(
    sorted.filter(([key], at) => {
      const next = sorted[at + 1]
      return next === undefined || !equal(key, next[0])
    }),
  )
}

/** The value of a key, whatever its type. */
export function valueAt(object: RegoObject, key: Value): Value | undefined {
  const found = object.get(key)
  if (found !== undefined || isPlain(key)) return found
  for (const [other, value] of object) if (equal(other, key)) return value
  return undefined
}

/** Whether a set has a member, whatever its type. */
export function hasMember(set: RegoSet, member: Value): boolean {
  if (set.has(member)) return true
  if (isPlain(member)) return false
  for (const other of set) if (equal(other, member)) return true
  return false
}

/** A value that is the same value in JavaScript wherever it is the same in Rego. */
function isPlain(value: Value): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || value === null
}

/** By code points, which is the order of the bytes of UTF-8. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left === right) continue
    return isSurrogate(left) === isSurrogate(right) ? left - right : isSurrogate(left) ? 1 : -1
  }
  return a.length - b.length
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}

function compareAll(a: RegoArray, b: RegoArray): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const order = compare(a[at] as Value, b[at] as Value)
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareNumbers(a: RegoNumber, b: RegoNumber): number {
  if (!(a instanceof Decimal || b instanceof Decimal)) return a < b ? -1 : a > b ? 1 : 0
  return compareDecimals(parts(textOf(a)), parts(textOf(b)))
}

interface Parts {
  readonly negative: boolean
  /** Without zeros at either end; empty for zero. */
  readonly digits: string
  /** The number is `0.digits` times ten to this power. */
  readonly exponent: number
}

function parts(text: string): Parts {
  const [mantissa = '', power = '0'] = text.replace(/^-/, '').toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = `${whole}${fraction}`
  const significant = digits.replace(/^0+/, '')
  const exponent = whole.length + Number(power) - (digits.length - significant.length)
  const trimmed = significant.replace(/0+$/, '')
  return { negative: text.startsWith('-') && trimmed !== '', digits: trimmed, exponent }
}

function compareDecimals(a: Parts, b: Parts): number {
  if (a.negative !== b.negative) return a.negative ? -1 : 1
  const sign = a.negative ? -1 : 1
  if (a.digits === '' || b.digits === '') return sign * (a.digits.length - b.digits.length)
  if (a.exponent !== b.exponent) return sign * (a.exponent - b.exponent)
  return sign * (a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0)
}
