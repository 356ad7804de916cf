import type { RegoObject, Value } from '../../value/value.ts'
import type { Validation } from './result.ts'
import type { SubSchema } from './sub-schema.ts'

export function validateObject(schema: SubSchema, value: RegoObject, validation: Validation): void {
  const { path, result } = validation
  const { minProperties, maxProperties } = schema
  if (minProperties !== undefined && value.size < minProperties) {
    result.add('array_min_properties', path, `Must have at least ${minProperties} properties`)
  }
  if (maxProperties !== undefined && value.size > maxProperties) {
    result.add('array_max_properties', path, `Must have at most ${maxProperties} properties`)
  }
  for (const name of schema.required ?? []) {
    if (value.has(name)) result.pass()
    else result.add('required', path, `${name} is required`)
  }
  for (const [key, held] of value) property(schema, String(key), held, validation)
  if (schema.propertyNames !== undefined) {
    for (const key of value.keys()) names(schema.propertyNames, String(key), validation)
  }
  result.pass()
}

function property(
  schema: SubSchema,
  name: string,
  value: Value,
  { path, result, spend, check }: Validation,
): void {
  let isMatched = false
  for (const { pattern, schema: own } of schema.patternProperties?.values() ?? []) {
    spend(name.length)
    if (!pattern.test(name)) continue
    isMatched = true
    result.merge(check(own, value, [...path, name], spend))
  }
  if (isMatched) result.pass()
  if (isMatched || schema.properties?.has(name) === true) return
  const { additionalProperties } = schema
  if (additionalProperties === false) {
    const type = 'additional_property_not_allowed'
    result.add(type, path, `Additional property ${name} is not allowed`)
  } else if (typeof additionalProperties === 'object') {
    result.merge(check(additionalProperties, value, [...path, name], spend))
  }
}

function names(schema: SubSchema, name: string, validation: Validation): void {
  const { path, result, spend, check } = validation
  const found = check(schema, name, path, spend)
  if (found.isValid) return
  result.add('invalid_property_name', path, `Property name of "${name}" does not match`)
  result.merge(found)
}
