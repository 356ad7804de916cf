import { randomBytes } from 'node:crypto'
import { integerOf, textOf, type Value } from '../value/value.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { int64Of, numberOperand, stringOf } from './operands.ts'

/** An integer written with a larger power of ten is none that anyone counts to. */
const EXPONENT_MAX = 100_000

export const numberBuiltins: Builtins = {
  'numbers.range_step': (evaluation, first, last, step) => {
    const [from, to, by] = [bigintOf(first), bigintOf(last), bigintOf(step)]
    if (by <= 0n) throw new BuiltinError('the step must be positive')
    const count = (from < to ? to - from : from - to) / by + 1n
    evaluation.spend(Number(count) * 16)
    const signed = from <= to ? by : -by
    return Array.from({ length: Number(count) }, (_, n) => integerOf(from + signed * BigInt(n)))
  },
  'rand.intn': (evaluation, name, bound) => {
    const most = int64Of(bound)
    const range = most < 0n ? -most : most
    const key = `rand.intn ${stringOf(name)}-${range}`
    return range === 0n ? 0 : evaluation.once(key, () => integerOf(randomBelow(range)))
  },
}

/** Any integer, however it is written. @throws {BuiltinError} */
function bigintOf(value: Value | undefined): bigint {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(textOf(numberOperand(value))) ?? []
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  const exponent = Number(power) - fraction.length + digits.length - significant.length
  if (significant === '') return 0n
  if (exponent < 0 || exponent > EXPONENT_MAX) throw new BuiltinError('the operand is no integer')
  return BigInt(`${sign}${significant}`) * 10n ** BigInt(exponent)
}

/** Of 128 random bits, so that no number is noticeably likelier than another. */
function randomBelow(range: bigint): bigint {
  return BigInt(`0x${randomBytes(16).toString('hex')}`) % range
}
