import { regoText } from '../../value/rego-text.ts'
import { isArray, isObject, isSet, type Value } from '../../value/value.ts'
import type { Builtins } from '../builtin.ts'
import { arrayOf } from '../operands.ts'

/** What an interpolation has no value for. */
const UNDEFINED = '<undefined>'

export const templateStringBuiltins: Builtins = {
  'internal.template_string': (evaluation, parts) => {
    const texts = arrayOf(parts).map(textOfPart)
    for (const text of texts) evaluation.spend(text.length)
    return texts.join('')
  },
}

/** A part is a plain value, or a set of the one value that an expression has. */
function textOfPart(part: Value): string {
  if (isArray(part) || isObject(part)) throw new Error('a part of a template is no plain value')
  if (!isSet(part)) return textOf(part)
  if (part.size > 1) throw new Error('a template string must not have several values')
  for (const value of part) return textOf(value)
  return UNDEFINED
}

function textOf(value: Value): string {
  return typeof value === 'string' ? value : regoText(value)
}
