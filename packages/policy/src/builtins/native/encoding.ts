import { base64Bytes } from '../../go/base64.ts'
import { goJson, jsonValue } from '../../go/json.ts'
import { isJson, readJson } from '../../go/read-json.ts'
import { decoded } from '../../go/utf8.ts'
import type { Value } from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { stringOf } from '../operands.ts'

/** What a character of JSON costs to read: it may be a value of its own. */
const UNITS_PER_CHARACTER = 8

export const nativeEncodingBuiltins: Builtins = {
  'base64.encode': (evaluation, text) => paidBytes(evaluation, text).toString('base64'),
  'base64.decode': (evaluation, text) => bytesText(base64Bytes(paid(evaluation, text), 'standard')),
  'base64.is_valid': (evaluation, text) =>
    typeof text === 'string' && base64Bytes(paid(evaluation, text), 'standard') !== undefined,
  'base64url.encode': (evaluation, text) =>
    paidBytes(evaluation, text)
      .toString('base64')
      .replaceAll(/[+/]/g, (character) => (character === '+' ? '-' : '_')),
  'base64url.decode': (evaluation, text) =>
    bytesText(base64Bytes(padded(paid(evaluation, text)), 'url')),
  'json.marshal': (evaluation, value) => {
    const json = goJson(jsonValue(value as Value))
    evaluation.spend(json.length)
    return json
  },
  'json.unmarshal': (evaluation, text) => {
    const json = paid(evaluation, text, UNITS_PER_CHARACTER)
    const value = readJson(json)
    if (value !== undefined) return value
    if (isJson(json)) throw new RangeError('Maximum call stack size exceeded by JSON')
    throw new BuiltinError('the text is no JSON')
  },
  'json.is_valid': (evaluation, text) =>
    typeof text === 'string' && isJson(paid(evaluation, text, UNITS_PER_CHARACTER)),
}

function paid(evaluation: Evaluation, text: Value | undefined, units = 1): string {
  evaluation.spend(stringOf(text).length * units)
  return stringOf(text)
}

function paidBytes(evaluation: Evaluation, text: Value | undefined): Buffer {
  return Buffer.from(paid(evaluation, text), 'utf8')
}

function bytesText(bytes: Buffer | undefined): string {
  if (bytes === undefined) throw new BuiltinError('the text is no base64')
  return decoded(bytes)
}

/** Some leave out what base64 is padded with, in which case nothing else may be in the text. */
function padded(text: string): string {
  const over = text.endsWith('=') ? 0 : Buffer.byteLength(text) % 4
  if (over === 1) throw new BuiltinError('the text is no base64')
  return over === 0 ? text : text + '='.repeat(4 - over)
}
