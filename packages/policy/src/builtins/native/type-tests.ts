import { isArray, isNumber, isObject, isSet, typeName, type Value } from '../../value/value.ts'
import type { Builtin, Builtins } from '../builtin.ts'

export const typeBuiltins: Builtins = {
  is_array: check(isArray),
  is_boolean: check((value) => typeof value === 'boolean'),
  is_null: check((value) => value === null),
  is_number: check(isNumber),
  is_object: check(isObject),
  is_set: check(isSet),
  is_string: check((value) => typeof value === 'string'),
  type_name: (_, value) => typeName(value as Value),
}

function check(is: (value: Value) => boolean): Builtin {
  return (_, value) => is(value as Value)
}
