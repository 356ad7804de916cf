/** A number as Go's `big.Rat` holds it; the denominator is positive. */
export interface Fraction {
  readonly numerator: bigint
  readonly denominator: bigint
}

/** A larger power of ten is no number that anything is compared with. */
const EXPONENT_MAX = 1_000_000
/** What a digit costs to compute with and to write. */
const UNITS_PER_DIGIT = 16

/** The number that a decimal text says, exactly; nothing for what is none. */
export function parseFraction(text: string, spend: (units: number) => void): Fraction | undefined {
  const [, sign, whole = '', fraction = '', power = '0'] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  if (whole === '' && fraction === '') return undefined
  const exponent = Number(power) - fraction.length
  if (Math.abs(exponent) > EXPONENT_MAX) return undefined
  spend(Math.abs(exponent) * UNITS_PER_DIGIT)
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n)
  return exponent < 0
    ? { numerator: digits, denominator: 10n ** BigInt(-exponent) }
    : { numerator: digits * 10n ** BigInt(exponent), denominator: 1n }
}

export function compareFractions(a: Fraction, b: Fraction): number {
  const [left, right] = [a.numerator * b.denominator, b.numerator * a.denominator]
  return left < right ? -1 : left > right ? 1 : 0
}

export function isWhole({ numerator, denominator }: Fraction): boolean {
  return numerator % denominator === 0n
}

/** Whether one number is another one times an integer. */
export function isMultiple(a: Fraction, of: Fraction): boolean {
  return (a.numerator * of.denominator) % (a.denominator * of.numerator) === 0n
}
