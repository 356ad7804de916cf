/**
 * A value of Rego as built-ins see it. Objects and sets are in Rego's order (`compare`), without
 * repetitions; make them with `objectOf` and `setOf`. A key such as `__proto__` is one like others.
 */
export type Value = null | boolean | RegoNumber | string | RegoArray | RegoObject | RegoSet
export type RegoArray = readonly Value[]
export type RegoObject = ReadonlyMap<Value, Value>
export type RegoSet = ReadonlySet<Value>

/**
 * A number, by what holds it exactly: a double where its shortest text is the number's own, a
 * bigint for integers beyond 2^53 - 1, else its text.
 */
export type RegoNumber = number | bigint | Decimal

/** A number whose text no double has, such as `0.1000000000000000055` or `1e400`. */
export class Decimal {
  /** As JSON (RFC 8259, section 6). */
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type TypeName = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object' | 'set'

/** The name that Rego's `type_name` gives. */
export function typeName(value: Value): TypeName {
  if (value === null) return 'null'
  if (typeof value === 'boolean' || typeof value === 'string') return typeof value as TypeName
  if (isNumber(value)) return 'number'
  if (isObject(value)) return 'object'
  return isSet(value) ? 'set' : 'array'
}

export function isNumber(value: Value): value is RegoNumber {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal
}

export function isArray(value: Value): value is RegoArray {
  return Array.isArray(value)
}

export function isObject(value: Value): value is RegoObject {
  return value instanceof Map
}

export function isSet(value: Value): value is RegoSet {
  return value instanceof Set
}

/** The number that a text of JSON says, in the form that holds it exactly. */
export function numberOf(text: string): RegoNumber {
  const double = Number(text)
  if (/^-?\d+$/.test(text)) {
    // Adding zero makes of `-0`, which is no integer of Rego, a zero.
    return Number.isSafeInteger(double) ? double + 0 : BigInt(text)
  }
  return String(double) === text ? double : new Decimal(text)
}

/** An integer as a double where that holds it exactly. */
export function integerOf(value: bigint): number | bigint {
  const double = Number(value)
  return Number.isSafeInteger(double) ? double : value
}

/** The text of a number, as JSON. */
export function textOf(value: RegoNumber): string {
  return value instanceof Decimal ? value.text : String(value)
}
