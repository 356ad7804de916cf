import { integerOf } from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { bigintOf } from '../numbers.ts'
import { spendOn } from './float-number.ts'

/** What a bit that a number is made longer by costs, which somebody may have to write in digits. */
const UNITS_PER_BIT = 5

/** On integers of any size, negative ones as two's complements without an end. */
export const bitBuiltins: Builtins = {
  'bits.and': (evaluation, a, b) => integerOf(paid(evaluation, a) & paid(evaluation, b)),
  'bits.or': (evaluation, a, b) => integerOf(paid(evaluation, a) | paid(evaluation, b)),
  'bits.xor': (evaluation, a, b) => integerOf(paid(evaluation, a) ^ paid(evaluation, b)),
  'bits.negate': (evaluation, a) => integerOf(~paid(evaluation, a)),
  'bits.lsh': (evaluation, a, by) => {
    const [integer, shift] = [paid(evaluation, a), shiftOf(by)]
    evaluation.spend(Number(shift) * UNITS_PER_BIT)
    return integerOf(integer << shift)
  },
  'bits.rsh': (evaluation, a, by) => integerOf(paid(evaluation, a) >> shiftOf(by)),
}

function paid(evaluation: Evaluation, operand: Parameters<typeof bigintOf>[0]): bigint {
  const integer = bigintOf(operand)
  spendOn(evaluation, integerOf(integer))
  return integer
}

/** OPA takes the last 64 bits of it. */
function shiftOf(operand: Parameters<typeof bigintOf>[0]): bigint {
  const shift = bigintOf(operand)
  if (shift < 0n) throw new BuiltinError('the shift must not be negative')
  return BigInt.asUintN(64, shift)
}
