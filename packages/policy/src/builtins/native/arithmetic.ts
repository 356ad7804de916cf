import {
  add,
  type BigFloat,
  bigFloatOf,
  divide,
  isZero,
  multiply,
  subtract,
  truncated,
  wholeBigFloat,
} from '../../go/big-float.ts'
import { integerOf, isSet, type RegoNumber, type Value } from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { wholeOf } from '../numbers.ts'
import { numberOperand } from '../operands.ts'
import { floatOf, numberOfFloat, spendOn } from './float-number.ts'
import { difference } from './sets.ts'

/** The precision that Go gives to a number that is made of a double. */
const DOUBLE_PRECISION = 53
const ONE = bigFloatOf(1n, DOUBLE_PRECISION)
const HALF: BigFloat = { ...ONE, exponent: -1 }

/** On integers exactly, whatever their size; on other numbers as OPA rounds them. */
export const arithmeticBuiltins: Builtins = {
  plus: (evaluation, a, b) => computed(evaluation, a, b, (x, y) => x + y, add),
  minus: (evaluation, a, b) => {
    const isOfSets = a !== undefined && b !== undefined && isSet(a) && isSet(b)
    return isOfSets
      ? difference(evaluation, a, b)
      : computed(evaluation, a, b, (x, y) => x - y, subtract)
  },
  mul: (evaluation, a, b) => computed(evaluation, a, b, (x, y) => x * y, multiply),
  div: (evaluation, a, b) => {
    const [x, y] = operandsOf(evaluation, a, b).map(floatOf) as [BigFloat, BigFloat]
    if (isZero(y)) throw new BuiltinError('nothing is divided by zero')
    return numberOfFloat(divide(x, y))
  },
  rem: (evaluation, a, b) => {
    const [x, y] = operandsOf(evaluation, a, b).map(wholeOf)
    if (x === undefined || y === undefined) throw new BuiltinError('only integers have remainders')
    if (y === 0n) throw new BuiltinError('nothing is divided by zero')
    return integerOf(x % y)
  },
  abs: (evaluation, a) => changed(evaluation, a, (x) => ({ ...x, negative: false })),
  round: (evaluation, a) =>
    changed(evaluation, a, (x) =>
      wholeBigFloat(truncated(x.negative ? subtract(x, HALF) : add(x, HALF))),
    ),
  ceil: (evaluation, a) =>
    changed(evaluation, a, (x) => {
      const whole = wholeBigFloat(truncated(x))
      return whole.negative || isZero(subtract(x, whole)) ? whole : add(whole, ONE)
    }),
  floor: (evaluation, a) =>
    changed(evaluation, a, (x) => {
      const whole = wholeBigFloat(truncated(x))
      return !whole.negative || isZero(subtract(x, whole)) ? whole : subtract(whole, ONE)
    }),
}

function computed(
  evaluation: Evaluation,
  a: Value | undefined,
  b: Value | undefined,
  ofIntegers: (x: bigint, y: bigint) => bigint,
  ofFloats: (x: BigFloat, y: BigFloat) => BigFloat,
): RegoNumber {
  const operands = operandsOf(evaluation, a, b)
  const [x, y] = operands.map(wholeOf)
  if (x !== undefined && y !== undefined) return integerOf(ofIntegers(x, y))
  const [left, right] = operands.map(floatOf) as [BigFloat, BigFloat]
  return numberOfFloat(ofFloats(left, right))
}

function operandsOf(
  evaluation: Evaluation,
  a: Value | undefined,
  b: Value | undefined,
): [RegoNumber, RegoNumber] {
  const operands: [RegoNumber, RegoNumber] = [numberOperand(a), numberOperand(b)]
  spendOn(evaluation, ...operands)
  return operands
}

function changed(
  evaluation: Evaluation,
  operand: Value | undefined,
  change: (x: BigFloat) => BigFloat,
): RegoNumber {
  const number = numberOperand(operand)
  spendOn(evaluation, number)
  return numberOfFloat(change(floatOf(number)))
}
