import { setOf } from '../value/compare.ts'
import { isObject, type Value } from '../value/value.ts'
import type { Builtins } from './builtin.ts'
import { membersOf, wrongType } from './operands.ts'

/** Built-ins of Rego before its version 1, which give what they get where it is of their type. */
export const castBuiltins: Builtins = {
  cast_array: (_, value) => [...membersOf(value)],
  cast_set: (_, value) => setOf(membersOf(value)),
  cast_string: (_, value) => only(value, 'a string', (held) => typeof held === 'string'),
  cast_boolean: (_, value) => only(value, 'a boolean', (held) => typeof held === 'boolean'),
  cast_null: (_, value) => only(value, 'null', (held) => held === null),
  cast_object: (_, value) => only(value, 'an object', isObject),
}

function only(value: Value | undefined, wanted: string, is: (held: Value) => boolean): Value {
  if (value !== undefined && is(value)) return value
  throw wrongType(value, wanted)
}
