import {
  isArray,
  isNumber,
  isObject,
  isSet,
  type RegoArray,
  type RegoNumber,
  type RegoObject,
  textOf,
  typeName,
  type Value,
} from '../value/value.ts'
import { BuiltinError } from './builtin.ts'

const INT64_MAX = 2n ** 63n - 1n

/** The operand as a string. @throws {BuiltinError} */
export function stringOf(value: Value | undefined): string {
  if (typeof value === 'string') return value
  throw wrongType(value, 'a string')
}

/** @throws {BuiltinError} */
export function numberOperand(value: Value | undefined): RegoNumber {
  if (value !== undefined && isNumber(value)) return value
  throw wrongType(value, 'a number')
}

/** An integer of 64 bits; `2.0` is one, `2e0` is none. @throws {BuiltinError} */
export function int64Of(value: Value | undefined): bigint {
  const [, text] = /^(-?\d+)(?:\.0*)?$/.exec(textOf(numberOperand(value))) ?? []
  const integer = text === undefined ? undefined : BigInt(text)
  if (integer === undefined || integer > INT64_MAX || integer < -INT64_MAX - 1n) {
    throw new BuiltinError('the operand must be an integer of 64 bits')
  }
  return integer
}

/** @throws {BuiltinError} */
export function objectOperand(value: Value | undefined): RegoObject {
  if (value !== undefined && isObject(value)) return value
  throw wrongType(value, 'an object')
}

/** @throws {BuiltinError} */
export function arrayOf(value: Value | undefined): RegoArray {
  if (value !== undefined && isArray(value)) return value
  throw wrongType(value, 'an array')
}

/** The members of an array or a set. @throws {BuiltinError} */
export function membersOf(value: Value | undefined): RegoArray {
  if (value !== undefined && isArray(value)) return value
  if (value !== undefined && isSet(value)) return [...value]
  throw wrongType(value, 'an array or a set')
}

/** The members of an array or a set, which must all be strings. @throws {BuiltinError} */
export function stringsOf(value: Value | undefined): string[] {
  return membersOf(value).map(stringOf)
}

export function wrongType(value: Value | undefined, wanted: string): BuiltinError {
  const got = value === undefined ? 'nothing' : `a value of type ${typeName(value)}`
  return new BuiltinError(`the operand must be ${wanted}, but is ${got}`)
}
