import { jsonValue } from '../../go/json.ts'
import { readJson } from '../../go/read-json.ts'
import { objectOf } from '../../value/compare.ts'
import { isArray, isObject, type Value } from '../../value/value.ts'
import { BuiltinError, type Builtins } from '../builtin.ts'
import { compileSchema } from './compile.ts'
import { copyOf } from './json.ts'
import type { Fault } from './result.ts'
import { SchemaError } from './schema-error.ts'
import { check } from './validate.ts'

export const jsonSchemaBuiltins: Builtins = {
  'json.verify_schema': (evaluation, schema) => {
    try {
      const spend = (units: number) => evaluation.spend(units)
      compileSchema(copyOf(documentOf(schema), spend), spend)
      return [true, null]
    } catch (error) {
      if (error instanceof SchemaError) return [false, `jsonschema: ${error.message}`]
      throw error
    }
  },
  'json.match_schema': (evaluation, document, schema) => {
    try {
      const spend = (units: number) => evaluation.spend(units)
      const value = documentOf(document)
      const compiled = compileSchema(copyOf(documentOf(schema), spend), spend)
      const result = check(compiled, value, [], spend)
      return [result.isValid, result.faults.map(shown)]
    } catch (error) {
      if (!(error instanceof SchemaError || isEndless(error))) throw error
      throw new BuiltinError(error.message, { cause: error })
    }
  },
}

/** A schema that refers to itself, and to nothing of the value, is followed until no stack is left. */
function isEndless(error: unknown): error is RangeError {
  return error instanceof RangeError && error.message.includes('call stack')
}

/** A document is a text of JSON, or an object or array. @throws {SchemaError} */
function documentOf(value: Value | undefined): Value {
  if (typeof value === 'string') {
    const read = readJson(value)
    if (read === undefined) throw new SchemaError('invalid JSON string')
    return read
  }
  if (value !== undefined && (isObject(value) || isArray(value))) return jsonValue(value)
  throw new SchemaError('wrong type, expected string or object')
}

function shown({ type, field, description }: Fault): Value {
  return objectOf([
    ['error', `${field}: ${description}`],
    ['type', type],
    ['field', field],
    ['desc', description],
  ])
}
