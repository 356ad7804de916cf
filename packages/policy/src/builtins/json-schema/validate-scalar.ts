import { compareFractions, isMultiple, parseFraction } from '../../go/fraction.ts'
import { UNITS_PER_STEP } from '../../go/patterns.ts'
import { type RegoNumber, textOf, type Value } from '../../value/value.ts'
import { hasFormat } from './formats.ts'
import type { Json } from './json.ts'
import { canonicalJson } from './keywords.ts'
import { fieldOf, type Path, type Result, type Spend } from './result.ts'
import type { SubSchema } from './sub-schema.ts'

/** What a schema says of values of any type. */
export function validateValue(schema: SubSchema, value: Value, path: Path, result: Result): void {
  const { constant, enumeration, format } = schema
  if (constant !== undefined && canonicalJson(value as Json) !== constant) {
    result.add('const', path, `${fieldOf(path)} does not match: ${constant}`)
  }
  if (enumeration !== undefined && !enumeration.includes(canonicalJson(value as Json))) {
    const allowed = enumeration.join(', ')
    result.add('enum', path, `${fieldOf(path)} must be one of the following: ${allowed}`)
  }
  if (format !== undefined && typeof value === 'string' && !hasFormat(value, format)) {
    result.add('format', path, `Does not match format '${format}'`)
  }
  result.pass()
}

export function validateString(
  schema: SubSchema,
  value: string,
  path: Path,
  result: Result,
  spend: Spend,
): void {
  const { minLength, maxLength, pattern } = schema
  const length = minLength === undefined && maxLength === undefined ? 0 : [...value].length
  if (minLength !== undefined && length < minLength) {
    result.add('string_gte', path, `String length must be greater than or equal to ${minLength}`)
  }
  if (maxLength !== undefined && length > maxLength) {
    result.add('string_lte', path, `String length must be less than or equal to ${maxLength}`)
  }
  if (pattern !== undefined) {
    spend(value.length * pattern.programSize() * UNITS_PER_STEP)
    if (!pattern.test(value)) {
      result.add('pattern', path, `Does not match pattern '${pattern.pattern()}'`)
    }
  }
  result.pass()
}

export function validateNumber(
  schema: SubSchema,
  value: RegoNumber,
  path: Path,
  result: Result,
): void {
  const number = parseFraction(textOf(value), () => {})
  if (number === undefined) return
  const { multipleOf, maximum, exclusiveMaximum, minimum, exclusiveMinimum } = schema
  if (multipleOf !== undefined && !isMultiple(number, multipleOf.value)) {
    result.add('multiple_of', path, `Must be a multiple of ${multipleOf.shown}`)
  }
  if (maximum !== undefined && compareFractions(number, maximum.value) > 0) {
    result.add('number_lte', path, `Must be less than or equal to ${maximum.shown}`)
  }
  if (exclusiveMaximum !== undefined && compareFractions(number, exclusiveMaximum.value) >= 0) {
    result.add('number_lt', path, `Must be less than ${exclusiveMaximum.shown}`)
  }
  if (minimum !== undefined && compareFractions(number, minimum.value) < 0) {
    result.add('number_gte', path, `Must be greater than or equal to ${minimum.shown}`)
  }
  if (exclusiveMinimum !== undefined && compareFractions(number, exclusiveMinimum.value) <= 0) {
    result.add('number_gt', path, `Must be greater than ${exclusiveMinimum.shown}`)
  }
  result.pass()
}
