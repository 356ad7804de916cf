import { jsonValue } from '../go/json.ts'
import { readYaml } from '../go/yaml-read.ts'
import { writeYaml } from '../go/yaml-write.ts'
import { isArray, isObject, type Value } from '../value/value.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { stringOf } from './operands.ts'

/** What OPA's way through JSON and YAML cannot hold in a text. */
const UNREADABLE = /[\u007f-\u0084\u0086-\u009f\ufffe\uffff]/

export const yamlBuiltins: Builtins = {
  'yaml.marshal': (_, value) => {
    const json = jsonValue(value as Value)
    if (hasUnreadable(json)) throw new BuiltinError('a control character has no place in YAML')
    return writeYaml(json)
  },
  'yaml.unmarshal': (evaluation, text) =>
    readYaml(stringOf(text), (units) => evaluation.spend(units)),
  'yaml.is_valid': (evaluation, text) => {
    if (typeof text !== 'string') return false
    try {
      readYaml(text, (units) => evaluation.spend(units))
      return true
    } catch (error) {
      if (error instanceof BuiltinError) return false
      throw error
    }
  },
}

function hasUnreadable(value: Value): boolean {
  if (typeof value === 'string') return UNREADABLE.test(value)
  if (isArray(value)) return value.some(hasUnreadable)
  return isObject(value) && [...value].some((entry) => entry.some(hasUnreadable))
}
