import { type BigFloat, readBigFloat } from '../../go/big-float.ts'
import { bigFloatText } from '../../go/big-float-text.ts'
import { Decimal, numberOf, type RegoNumber, textOf } from '../../value/value.ts'
import type { Evaluation } from '../builtin.ts'

/** What a digit costs to compute with. */
const UNITS_PER_DIGIT = 16
/** To write long numbers in decimal takes a time that grows with the square of their digits. */
const DIGITS_PER_UNIT_AND_DIGIT = 256

/** Numbers that are computed with, beyond those that the machine knows, by their digits. */
export function spendOn(evaluation: Evaluation, ...numbers: readonly RegoNumber[]): void {
  for (const number of numbers) {
    if (Number.isSafeInteger(number)) continue
    const digits = digitsOf(number)
    evaluation.spend(digits * (UNITS_PER_DIGIT + digits / DIGITS_PER_UNIT_AND_DIGIT))
  }
}

export function floatOf(number: RegoNumber): BigFloat {
  return readBigFloat(textOf(number))
}

/** Zero keeps its sign, as it does in OPA. */
export function numberOfFloat(float: BigFloat): RegoNumber {
  const text = bigFloatText(float)
  return text === '-0' ? new Decimal(text) : numberOf(text)
}

function digitsOf(number: RegoNumber): number {
  if (typeof number === 'bigint') return number.toString(16).length
  const [mantissa = '', power = '0'] = textOf(number).toLowerCase().split('e')
  return mantissa.length + Math.abs(Number(power))
}
