import type { RE2JS } from 're2js'
import { generalText } from '../../go/float.ts'
import { isWhole, parseFraction } from '../../go/fraction.ts'
import { goJson } from '../../go/json.ts'
import { compilePattern } from '../../go/patterns.ts'
import { isArray, isNumber, isObject, numberOf, textOf, type Value } from '../../value/value.ts'
import { BuiltinError } from '../builtin.ts'
import type { Json, JsonObject } from './json.ts'
import { DRAFT } from './pool.ts'
import { SchemaError } from './schema-error.ts'
import type { Bound, SubSchema } from './sub-schema.ts'

type Limits =
  | 'minLength'
  | 'maxLength'
  | 'minProperties'
  | 'maxProperties'
  | 'minItems'
  | 'maxItems'

export function invalidType(expected: string, given: string): SchemaError {
  return new SchemaError(`Invalid type. Expected: ${expected}, given: ${given}`)
}

export function stringAt(node: JsonObject, key: string): string | undefined {
  const value = node.get(key)
  if (value === undefined || typeof value === 'string') return value
  throw invalidType('string', key)
}

export function arrayAt(node: JsonObject, key: string): Json[] | undefined {
  const value = node.get(key)
  if (value === undefined || Array.isArray(value)) return value
  throw new SchemaError(`${key} must be of an array`)
}

/** @throws {SchemaError} with what OPA says of a pattern that is none */
export function patternOf(pattern: string, refusal: string): RE2JS {
  try {
    return compilePattern(pattern)
  } catch (error) {
    if (error instanceof BuiltinError) throw new SchemaError(refusal)
    throw error
  }
}

/** Reads a least and a most, of which the first must not be more than the second. */
export function lengthsInto(
  node: JsonObject,
  schema: SubSchema,
  least: Limits,
  most: Limits,
  refusal?: string,
): void {
  for (const key of [least, most]) {
    const value = node.get(key)
    if (value === undefined) continue
    const text = isNumber(value as Value) ? textOf(value as number) : ''
    if (!/^-?\d{1,15}$/.test(text)) throw new SchemaError(`${key} must be of an integer`)
    if (Number(text) < 0) throw new SchemaError(`${key} must be greater than or equal to 0`)
    schema[key] = Number(text)
  }
  const [from, to] = [schema[least], schema[most]]
  if (refusal !== undefined && from !== undefined && to !== undefined && from > to) {
    throw new SchemaError(refusal)
  }
}

export function numbersInto(node: JsonObject, schema: SubSchema): void {
  const multipleOf = node.get('multipleOf')
  if (multipleOf !== undefined) {
    const bound = boundOf(multipleOf)
    if (bound === undefined) throw invalidType('Number', 'multipleOf')
    if (bound.value.numerator <= 0n) {
      throw new SchemaError('multipleOf must be strictly greater than 0')
    }
    schema.multipleOf = bound
  }
  boundInto(node, schema, 'minimum', 'exclusiveMinimum')
  boundInto(node, schema, 'maximum', 'exclusiveMaximum')
}

/** In draft 4 the exclusive bound is a flag of the other one, later a bound of its own. */
function boundInto(
  node: JsonObject,
  schema: SubSchema,
  key: 'minimum' | 'maximum',
  exclusiveKey: 'exclusiveMinimum' | 'exclusiveMaximum',
): void {
  const value = node.get(key)
  const bound = value === undefined ? undefined : boundOf(value)
  if (value !== undefined && bound === undefined)
    throw new SchemaError(`${key} must be of a Number`)
  if (bound !== undefined) schema[key] = bound
  const exclusive = node.get(exclusiveKey)
  if (exclusive === undefined) return
  const isFlag =
    typeof exclusive === 'boolean' && (schema.draft === DRAFT.four || schema.draft === DRAFT.hybrid)
  if (isFlag) {
    if (bound === undefined) throw new SchemaError(`${exclusiveKey} cannot be used without ${key}`)
    if (!exclusive) return
    schema[exclusiveKey] = bound
    delete schema[key]
    return
  }
  const own = schema.draft === DRAFT.four ? undefined : boundOf(exclusive)
  if (own === undefined) throw invalidType(expectedBound(schema), exclusiveKey)
  schema[exclusiveKey] = own
}

function expectedBound({ draft }: SubSchema): string {
  if (draft === DRAFT.four) return 'boolean'
  return draft === DRAFT.hybrid ? 'boolean/number' : 'number'
}

function boundOf(node: Json): Bound | undefined {
  if (!isNumber(node as Value)) return undefined
  const text = textOf(node as number)
  const value = parseFraction(text, () => {})
  return value === undefined ? undefined : { value, shown: generalText(text) }
}

/** Whether a number has no fraction, however it is written. */
export function isInteger(text: string): boolean {
  const value = parseFraction(text, () => {})
  return value !== undefined && isWhole(value)
}

/** A value as JSON in which equal numbers have equal texts. */
export function canonicalJson(value: Json): string {
  return goJson(normal(value as Value))
}

function normal(value: Value): Value {
  if (isNumber(value)) {
    const double = Number(textOf(value))
    return Number.isFinite(double) ? numberOf(String(double)) : value
  }
  if (isArray(value)) return value.map(normal)
  return isObject(value) ? new Map([...value].map(([key, held]) => [key, normal(held)])) : value
}
