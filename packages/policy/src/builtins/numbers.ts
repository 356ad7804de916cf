import { randomBytes } from 'node:crypto'
import { integerOf, type RegoNumber, textOf, type Value } from '../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from './builtin.ts'
import { int64Of, numberOperand, stringOf } from './operands.ts'

/** An integer written with a larger power of ten is none that anyone counts to. */
const EXPONENT_MAX = 100_000

export const numberBuiltins: Builtins = {
  'numbers.range_step': (evaluation, first, last, step) => {
    const [from, to, by] = [bigintOf(first), bigintOf(last), bigintOf(step)]
    if (by <= 0n) throw new BuiltinError('the step must be positive')
    return rangeOf(evaluation, from, to, by)
  },
  'rand.intn': (evaluation, name, bound) => {
    const most = int64Of(bound)
    const range = most < 0n ? -most : most
    const key = `rand.intn ${stringOf(name)}-${range}`
    return range === 0n ? 0 : evaluation.once(key, () => integerOf(randomBelow(range)))
  },
}

/** From one integer up or down to another, both included. */
export function rangeOf(evaluation: Evaluation, from: bigint, to: bigint, by: bigint): Value {
  const count = (from < to ? to - from : from - to) / by + 1n
  evaluation.spend(Number(count) * 16)
  const signed = from <= to ? by : -by
  return Array.from({ length: Number(count) }, (_, n) => integerOf(from + signed * BigInt(n)))
}

/** Any integer, however it is written. @throws {BuiltinError} */
export function bigintOf(value: Value | undefined): bigint {
  const integer = wholeOf(numberOperand(value))
  if (integer === undefined) throw new BuiltinError('the operand is no integer')
  return integer
}

/** The integer that a number is, however it is written; nothing where it is none. */
export function wholeOf(number: RegoNumber): bigint | undefined {
  if (typeof number === 'bigint' || Number.isSafeInteger(number)) return BigInt(number as number)
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(textOf(number)) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  const exponent = Number(power) - fraction.length + digits.length - significant.length
  if (significant === '') return 0n
  if (exponent < 0 || exponent > EXPONENT_MAX) return undefined
  return BigInt(`${sign}${significant}`) * 10n ** BigInt(exponent)
}

/** Of 128 random bits, so that no number is noticeably likelier than another. */
function randomBelow(range: bigint): bigint {
  return BigInt(`0x${randomBytes(16).toString('hex')}`) % range
}
