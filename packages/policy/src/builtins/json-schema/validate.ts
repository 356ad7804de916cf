import { isNumber, isObject, textOf, typeName, type Value } from '../../value/value.ts'
import { isInteger } from './keywords.ts'
import { type Path, Result, type Spend, type Validation } from './result.ts'
import type { SubSchema } from './sub-schema.ts'
import { validateArray } from './validate-array.ts'
import { validateCombinations } from './validate-combinations.ts'
import { validateObject } from './validate-object.ts'
import { validateNumber, validateString, validateValue } from './validate-scalar.ts'

/** A value against a schema, in a result of its own. */
export function check(schema: SubSchema, value: Value, path: Path, spend: Spend): Result {
  const result = new Result()
  validate(schema, value, { path, result, spend, check, validate })
  return result
}

/** Validates as OPA does, in its order, since the score decides what it shows. */
export function validate(schema: SubSchema, value: Value, validation: Validation): void {
  const { path, result, spend } = validation
  spend(1_024)
  if (schema.pass !== undefined) {
    if (!schema.pass) result.add('false', path, 'False always fails validation')
    return
  }
  if (schema.reference !== undefined) {
    validate(schema.reference, value, validation)
    return
  }
  const given = givenType(value)
  if (!allows(schema, given)) {
    const { types } = schema
    const expected = types.length > 1 ? `[${types.join(',')}]` : types[0]
    result.add('invalid_type', path, `Invalid type. Expected: ${expected}, given: ${given}`)
    return
  }
  validateCombinations(schema, value, validation)
  if (Array.isArray(value)) validateArray(schema, value, validation)
  if (isObject(value)) validateObject(schema, value, validation)
  if (isNumber(value)) validateNumber(schema, value, path, result)
  validateValue(schema, value, path, result)
  if (typeof value === 'string') validateString(schema, value, path, result, spend)
  if (isObject(value)) {
    for (const [name, property] of schema.properties ?? []) {
      const held = value.get(name)
      if (held !== undefined) validate(property, held, { ...validation, path: [...path, name] })
    }
  }
  result.pass()
}

function givenType(value: Value): string {
  if (!isNumber(value)) return typeName(value)
  return isInteger(textOf(value)) ? 'integer' : 'number'
}

/** An integer is a number too. */
function allows({ types }: SubSchema, given: string): boolean {
  return (
    types.length === 0 || types.includes(given) || (given === 'integer' && types.includes('number'))
  )
}
