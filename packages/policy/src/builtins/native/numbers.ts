import { bitLength, readBigFloat, truncated } from '../../go/big-float.ts'
import { isNumber, numberOf, type RegoNumber, textOf, type Value } from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { bigintOf, rangeOf } from '../numbers.ts'
import { numberOperand, wrongType } from '../operands.ts'
import { floatOf, numberOfFloat, spendOn } from './float-number.ts'

/** The powers of two that OPA has numbers for. */
const BINARY_EXPONENT_MAX = 100_000
const BASES: ReadonlyMap<string, number> = new Map([
  ['2', 2],
  ['8', 8],
  ['10', 10],
  ['16', 16],
])
/** What Go's `strconv.ParseFloat` reads, apart from the names of what is no number. */
const DECIMAL = /^[+-]?(?:(?:\d(?:_?\d)*)?\.?(?:\d(?:_?\d)*)?)(?:[eE][+-]?\d(?:_?\d)*)?$/
const HEXADECIMAL =
  /^([+-]?)0[xX]((?:_?[\da-fA-F])*)\.?([\da-fA-F](?:_?[\da-fA-F])*)?[pP]([+-]?\d(?:_?\d)*)$/

export const nativeNumberBuiltins: Builtins = {
  to_number: (evaluation, value) => toNumber(evaluation, value),
  'numbers.range': (evaluation, first, last) =>
    rangeOf(evaluation, bigintOf(first), bigintOf(last), 1n),
  format_int: (evaluation, number, base) => {
    const radix = BASES.get(textOf(numberOperand(base)))
    if (radix === undefined) throw new BuiltinError('the base must be 2, 8, 10 or 16')
    spendOn(evaluation, numberOperand(number))
    const text = textOf(numberOperand(number))
    return (/^-?\d+$/.test(text) ? BigInt(text) : truncated(readBigFloat(text))).toString(radix)
  },
}

function toNumber(evaluation: Evaluation, value: Value | undefined): RegoNumber {
  if (value === null || typeof value === 'boolean') return value === true ? 1 : 0
  if (value !== undefined && isNumber(value)) return value
  if (typeof value !== 'string') throw wrongType(value, 'null, a boolean, a number or a string')
  evaluation.spend(value.length)
  const number = hexadecimal(value) ?? decimal(evaluation, value)
  if (!Number.isFinite(Number(textOf(number)))) throw new BuiltinError('the number is too large')
  return number
}

/** OPA keeps the text as it is, even where JSON has no such number; here it becomes JSON's. */
function decimal(evaluation: Evaluation, text: string): RegoNumber {
  if (!DECIMAL.test(text) || !/\d/.test(text.split(/e/i)[0] ?? '')) {
    throw new BuiltinError('the text is no number')
  }
  const [, sign = '', whole = '', fraction = '', power = ''] =
    /^[+]?(-?)0*(\d*)\.?(\d*)(.*)$/.exec(text.replaceAll('_', '')) ?? []
  if (Number(power.slice(1)) < -BINARY_EXPONENT_MAX) throw new BuiltinError('it is too small')
  const number = numberOf(`${sign}${whole || '0'}${fraction && `.${fraction}`}${power}`)
  spendOn(evaluation, number)
  const { mantissa, exponent } = floatOf(number)
  if (mantissa !== 0n && bitLength(mantissa) + exponent < -BINARY_EXPONENT_MAX) {
    throw new BuiltinError('the number is too small')
  }
  return number
}

function hexadecimal(text: string): RegoNumber | undefined {
  const [found, sign, whole = '', fraction = '', power = '0'] = HEXADECIMAL.exec(text) ?? []
  if (found === undefined || `${whole}${fraction}` === '') return undefined
  const digits = `${whole}${fraction}`.replaceAll('_', '')
  const exponent = Number(power.replaceAll('_', '')) - fraction.replaceAll('_', '').length * 4
  if (Math.abs(exponent) > BINARY_EXPONENT_MAX) throw new BuiltinError('the number is too large')
  const mantissa = BigInt(`0x${digits}`)
  return numberOfFloat({ negative: sign === '-', mantissa, exponent, precision: 64 })
}
