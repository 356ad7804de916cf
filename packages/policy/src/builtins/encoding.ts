import { goJson, type Indent, jsonValue } from '../go/json.ts'
import { queryEscaped } from '../go/template/escapes.ts'
import { decoded } from '../go/utf8.ts'
import { objectOf } from '../value/compare.ts'
import { isArray, isObject, type Value } from '../value/value.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { objectOperand, stringOf, wrongType } from './operands.ts'

/** Go refuses a query of more parameters. */
const QUERY_PARAMETERS_MAX = 10_000

export const encodingBuiltins: Builtins = {
  'base64url.encode_no_pad': (_, text) => bytesOf(text).toString('base64url'),
  'hex.encode': (_, text) => bytesOf(text).toString('hex'),
  'hex.decode': (_, text) => hexDecoded(stringOf(text)),
  'json.marshal_with_options': (evaluation, value, options) => {
    const indent = indentOf(objectOperand(options))
    evaluation.spend((indent?.prefix.length ?? 0) + (indent?.indent.length ?? 0))
    const json = goJson(jsonValue(value as Value), indent)
    return indent === undefined ? json : indent.prefix + json
  },
  'urlquery.encode': (_, text) => queryEscaped(stringOf(text)),
  'urlquery.decode': (_, text) => queryUnescaped(stringOf(text)),
  'urlquery.encode_object': (_, object) => encodedObject(object),
  'urlquery.decode_object': (_, text) => decodedObject(stringOf(text)),
}

function bytesOf(text: Value | undefined): Buffer {
  return Buffer.from(stringOf(text), 'utf8')
}

function hexDecoded(text: string): string {
  if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text))
    throw new BuiltinError('no hexadecimal text')
  return decoded(Buffer.from(text, 'hex'))
}

function indentOf(options: ReadonlyMap<Value, Value>): Indent | undefined {
  let prefix = ''
  let indent = '\t'
  let isPretty: boolean | undefined
  for (const [key, value] of options) {
    if (key === 'prefix') prefix = stringOf(value)
    else if (key === 'indent') indent = stringOf(value)
    else if (key === 'pretty' && typeof value === 'boolean') isPretty = value
    else throw new BuiltinError('an option that is not known, or of a wrong type')
  }
  return (isPretty ?? (options.has('prefix') || options.has('indent')))
    ? { prefix, indent }
    : undefined
}

function queryUnescaped(text: string): string {
  if (/%(?![0-9a-f]{2})/i.test(text)) throw new BuiltinError('an escape that is none')
  const spaced = text.replaceAll('+', ' ')
  if (!spaced.includes('%')) return spaced
  const parts = spaced.split(/(%[0-9a-f]{2})/i)
  return decoded(
    Buffer.concat(
      parts.map((part, at) =>
        at % 2 === 1 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part),
      ),
    ),
  )
}

function encodedObject(object: Value | undefined): string {
  const json = jsonValue(object as Value)
  if (!isObject(json)) throw wrongType(object, 'an object')
  const pairs: string[] = []
  for (const [key, value] of json) {
    if (typeof value !== 'string' && !isArray(value)) throw wrongType(value, 'a string or strings')
    for (const item of typeof value === 'string' ? [value] : value) {
      pairs.push(`${queryEscaped(String(key))}=${queryEscaped(stringOf(item))}`)
    }
  }
  return pairs.join('&')
}

function decodedObject(query: string): Value {
  const parts = query.split('&')
  if (parts.length > QUERY_PARAMETERS_MAX) throw new BuiltinError('too many parameters')
  const values = new Map<string, string[]>()
  for (const part of parts) {
    if (part.includes(';')) throw new BuiltinError('a semicolon separates no parameters')
    if (part === '') continue
    const equals = part.indexOf('=')
    const key = queryUnescaped(equals < 0 ? part : part.slice(0, equals))
    const value = queryUnescaped(equals < 0 ? '' : part.slice(equals + 1))
    const known = values.get(key)
    if (known === undefined) values.set(key, [value])
    else known.push(value)
  }
  return objectOf(values)
}
