import { add, type BigFloat, bigFloatOf, multiply } from '../../go/big-float.ts'
import { compare, equal, hasMember, valueAt } from '../../value/compare.ts'
import {
  integerOf,
  isArray,
  isObject,
  isSet,
  type RegoArray,
  type Value,
} from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { wholeOf } from '../numbers.ts'
import { membersOf, numberOperand } from '../operands.ts'
import { elementAt } from './arrays.ts'
import { floatOf, numberOfFloat, spendOn } from './float-number.ts'
import { sizeOf } from './size.ts'

/** The precisions with which OPA adds up and multiplies numbers that are not all integers. */
const SUM_PRECISION = 64
const PRODUCT_PRECISION = 53

export const aggregateBuiltins: Builtins = {
  count: (evaluation, value) => {
    evaluation.spend(sizeOf(value))
    if (typeof value === 'string') return [...value].length
    if (value !== undefined && isObject(value)) return value.size
    return membersOf(value).length
  },
  sum: (evaluation, values) =>
    total(evaluation, values, {
      start: 0n,
      precision: SUM_PRECISION,
      ofIntegers: (x, y) => x + y,
      ofFloats: add,
    }),
  product: (evaluation, values) =>
    total(evaluation, values, {
      start: 1n,
      precision: PRODUCT_PRECISION,
      ofIntegers: (x, y) => x * y,
      ofFloats: multiply,
    }),
  max: (evaluation, values) => extreme(evaluation, values, (order) => order >= 0),
  min: (evaluation, values) => extreme(evaluation, values, (order) => order <= 0),
  sort: (evaluation, values) => [...paidMembers(evaluation, values, 16)].sort(compare),
  all: (evaluation, values) => paidMembers(evaluation, values).every((value) => value === true),
  any: (evaluation, values) => paidMembers(evaluation, values).some((value) => value === true),
  'internal.member_2': (evaluation, value, collection) => {
    evaluation.spend(sizeOf(collection))
    return isWithin(collection as Value, value as Value)
  },
  'internal.member_3': (evaluation, key, value, collection) => {
    evaluation.spend(sizeOf(collection))
    return isAt(collection as Value, key as Value, value as Value)
  },
}

interface Total {
  readonly start: bigint
  readonly precision: number
  ofIntegers(total: bigint, value: bigint): bigint
  ofFloats(total: BigFloat, value: BigFloat, precision: number): BigFloat
}

function total(evaluation: Evaluation, values: Value | undefined, how: Total): Value {
  const numbers = paidMembers(evaluation, values).map(numberOperand)
  const integers = numbers.map(wholeOf)
  if (integers.every((integer) => integer !== undefined)) {
    let whole = how.start
    for (const integer of integers) {
      whole = how.ofIntegers(whole, integer)
      spendOn(evaluation, integerOf(whole))
    }
    return integerOf(whole)
  }
  let float = bigFloatOf(how.start, how.precision)
  for (const number of numbers) {
    spendOn(evaluation, number)
    float = how.ofFloats(float, floatOf(number), how.precision)
  }
  return numberOfFloat(float)
}

/** Of those that are the same and written otherwise, such as 1 and 1.0, an array's last one. */
function extreme(
  evaluation: Evaluation,
  values: Value | undefined,
  isFurther: (order: number) => boolean,
): Value {
  const [first, ...others] = paidMembers(evaluation, values)
  if (first === undefined) throw new BuiltinError('nothing is the most or the least of none')
  return others.reduce((most, value) => (isFurther(compare(value, most)) ? value : most), first)
}

function paidMembers(evaluation: Evaluation, values: Value | undefined, units = 1): RegoArray {
  evaluation.spend(sizeOf(values) * units)
  return membersOf(values)
}

function isWithin(collection: Value, value: Value): boolean {
  if (isSet(collection)) return hasMember(collection, value)
  if (isArray(collection)) return collection.some((member) => equal(member, value))
  return isObject(collection) && [...collection.values()].some((held) => equal(held, value))
}

function isAt(collection: Value, key: Value, value: Value): boolean {
  if (isSet(collection)) return equal(key, value) && hasMember(collection, key)
  const found = isArray(collection)
    ? elementAt(collection, key)
    : isObject(collection)
      ? valueAt(collection, key)
      : undefined
  return found !== undefined && equal(found, value)
}
