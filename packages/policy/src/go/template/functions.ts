import { BuiltinError } from '../../builtins/builtin.ts'
import { sprintf } from '../printf.ts'
import type { Argument } from '../verb.ts'
import { compared, equals } from './comparison.ts'
import { asText, Constant, type Data, isList, isMap, isTrue, shownData } from './data.ts'
import { htmlEscaped, jsEscaped, queryEscaped } from './escapes.ts'

export type Spend = (units: number) => void
type TemplateFunction = (operands: readonly Data[], spend: Spend) => Data

/** The functions of Go's templates; `and` and `or` stop early, and are known to whoever calls. */
export const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['and', (operands) => operands.find((operand) => !isTrue(operand)) ?? operands.at(-1)],
  ['or', (operands) => operands.find(isTrue) ?? operands.at(-1)],
  ['not', (operands) => !isTrue(only(operands))],
  ['len', (operands) => new Constant('int', lengthOf(only(operands)))],
  ['index', (operands) => least(1, operands).slice(1).reduce(indexed, operands[0])],
  ['slice', (operands) => sliced(least(1, operands)[0], operands.slice(1))],
  ['eq', (operands) => equals(least(1, operands)[0], operands.slice(1))],
  ['ne', (operands) => !equals(...pair(operands))],
  ['lt', (operands) => compared(operands) < 0],
  ['le', (operands) => compared(operands) <= 0],
  ['gt', (operands) => compared(operands) > 0],
  ['ge', (operands) => compared(operands) >= 0],
  ['print', (operands) => printed(operands)],
  ['println', (operands) => `${operands.map(shownData).join(' ')}\n`],
  ['printf', ([format, ...operands], spend) => formatted(format, operands, spend)],
  ['html', (operands) => htmlEscaped(printed(operands))],
  ['js', (operands) => jsEscaped(printed(operands))],
  ['urlquery', (operands) => queryEscaped(printed(operands))],
])

function least(count: number, operands: readonly Data[]): readonly Data[] {
  if (operands.length < count) throw new BuiltinError('a function without operands')
  return operands
}

function only(operands: readonly Data[]): Data {
  if (operands.length !== 1) throw new BuiltinError('a function of one operand')
  return operands[0]
}

function pair(operands: readonly Data[]): [Data, readonly Data[]] {
  if (operands.length !== 2) throw new BuiltinError('a function of two operands')
  return [operands[0], operands.slice(1)]
}

function lengthOf(data: Data): number {
  if (isList(data)) return data.length
  if (isMap(data)) return data.size
  const text = asText(data)
  if (text === undefined) throw new BuiltinError('a value without a length')
  return Buffer.byteLength(text)
}

function indexed(item: Data, key: Data): Data {
  if (isMap(item)) {
    if (typeof key !== 'string') throw new BuiltinError('a map is indexed by texts')
    return item.get(key) ?? null
  }
  const at = key instanceof Constant && key.type === 'int' ? key.value : -1
  if (isList(item)) {
    if (at < 0 || at >= item.length) throw new BuiltinError('an index out of range')
    return item[at]
  }
  const bytes = Buffer.from(asText(item) ?? '')
  const byte = bytes[at]
  if (byte === undefined) throw new BuiltinError('an index out of range, or of what has none')
  return new Constant('int', byte)
}

function sliced(item: Data, bounds: readonly Data[]): Data {
  if (bounds.length > 2) throw new BuiltinError('a slice of three bounds')
  const numbers = bounds.map((bound) => {
    if (bound instanceof Constant && bound.type === 'int') return bound.value
    throw new BuiltinError('a bound that is no integer')
  })
  const bytes = isList(item) ? undefined : Buffer.from(textOrError(item))
  const length = isList(item) ? item.length : (bytes?.length ?? 0)
  const [from = 0, to = length] = numbers
  if (from < 0 || to > length || from > to) throw new BuiltinError('a bound out of range')
  return isList(item) ? item.slice(from, to) : bytes?.toString('utf8', from, to)
}

function textOrError(data: Data): string {
  const text = asText(data)
  if (text === undefined) throw new BuiltinError('a value that cannot be sliced')
  return text
}

/** With spaces between what is no text. */
function printed(operands: readonly Data[]): string {
  let out = ''
  for (const [at, operand] of operands.entries()) {
    const isSpaced =
      at > 0 && asText(operand) === undefined && asText(operands[at - 1]) === undefined
    out += (isSpaced ? ' ' : '') + shownData(operand)
  }
  return out
}

function formatted(format: Data, operands: readonly Data[], spend: Spend): string {
  if (typeof format !== 'string') throw new BuiltinError('a format that is no text')
  return sprintf(format, operands.map(argumentOf), spend)
}

function argumentOf(data: Data): Argument {
  if (typeof data === 'string') return { type: 'string', value: data }
  if (typeof data === 'boolean') return { type: 'bool', value: data }
  if (data instanceof Constant) {
    return data.type === 'int'
      ? { type: 'int', value: BigInt(data.value) }
      : { type: 'float64', value: data.value }
  }
  const number = asText(data)
  if (number !== undefined) return { type: 'json.Number', value: number }
  throw new BuiltinError('`printf` takes texts, numbers and booleans here')
}
