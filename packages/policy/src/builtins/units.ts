import { type Fraction, parseFraction } from '../go/fraction.ts'
import { integerOf, numberOf, type RegoNumber } from '../value/value.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { stringOf } from './operands.ts'

/** OPA takes no exponent of more digits. */
const EXPONENT_DIGITS_MAX = 6
/** The digits of a fraction that OPA gives. */
const FRACTION_DIGITS = 10
/** The bits of the floats in which OPA counts bytes. */
const MANTISSA_BITS = 64

export const unitBuiltins: Builtins = {
  'units.parse': (evaluation, text) =>
    parsedUnits(stringOf(text), (units) => evaluation.spend(units)),
  'units.parse_bytes': (evaluation, text) =>
    parsedBytes(stringOf(text), (units) => evaluation.spend(units)),
}

type Spend = (units: number) => void

const POWERS = ['k', 'm', 'g', 't', 'p', 'e']
const SIZES: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ...POWERS.map((letter, at) => [letter, 1000n ** BigInt(at + 1)] as const),
  ...POWERS.map((letter, at) => [`${letter}i`, 1024n ** BigInt(at + 1)] as const),
])
/** The double that OPA takes for a thousandth, which is not quite one. */
const MILLI: Fraction = { numerator: 1_152_921_504_606_847n, denominator: 2n ** 60n }

function parsedUnits(text: string, spend: Spend): RegoNumber {
  const [amount, unit] = split(text.replaceAll('"', ''))
  const { numerator, denominator } = fractionOf(amount, spend)
  // Only the first letter tells `m`, a thousandth, from `M`, a million.
  const normal = unit.slice(0, 1) + unit.slice(1).toLowerCase()
  const { numerator: by, denominator: over } =
    normal === 'm' ? MILLI : { numerator: SIZES.get(siUnit(normal)) ?? 0n, denominator: 1n }
  if (by === 0n) throw new BuiltinError('a unit that is not known')
  const value = { numerator: numerator * by, denominator: denominator * over }
  if (value.numerator % value.denominator === 0n) {
    return integerOf(value.numerator / value.denominator)
  }
  return numberOf(decimal(value))
}

function siUnit(unit: string): string {
  return /^[a-z]?i?$/i.test(unit) ? unit.toLowerCase() : 'none'
}

function parsedBytes(text: string, spend: Spend): RegoNumber {
  const [amount, unit] = split(text.toLowerCase().replaceAll('"', ''))
  const size = SIZES.get(/^.i?b$/.test(unit) ? unit.slice(0, -1) : unit)
  if (size === undefined) throw new BuiltinError('a unit that is not known')
  const rounded = roundedTo64Bits(fractionOf(amount, spend))
  const product = roundedTo64Bits({
    numerator: rounded.numerator * size,
    denominator: rounded.denominator,
  })
  return integerOf(product.numerator / product.denominator)
}

/** Where the number ends and the unit begins. */
function split(text: string): readonly [amount: string, unit: string] {
  if (text.includes(' ')) throw new BuiltinError('spaces have no place in an amount')
  let at = 0
  for (; at < text.length && /[0-9.eE+-]/.test(text[at] ?? ''); at++) {
    if (!/[eE]/.test(text[at] ?? '')) continue
    const [exponent, sign = '', digits = ''] =
      /^[eE]([+-]?)(\d*)/.exec(text.slice(at, at + EXPONENT_DIGITS_MAX + 3)) ?? []
    if (exponent === undefined || (sign === '' && digits === '')) break
    if (digits.length > EXPONENT_DIGITS_MAX) throw new BuiltinError('the exponent is too large')
    at += sign.length
  }
  if (at === 0) throw new BuiltinError('there is no amount')
  return [text.slice(0, at), text.slice(at)]
}

function fractionOf(amount: string, spend: Spend): Fraction {
  const fraction = parseFraction(amount, spend)
  if (fraction === undefined) throw new BuiltinError('the amount is no number')
  return fraction
}

/** With ten digits after the point, a half away from zero. */
function decimal({ numerator, denominator }: Fraction): string {
  const sign = numerator < 0n ? '-' : ''
  const scaled = (numerator < 0n ? -numerator : numerator) * 10n ** BigInt(FRACTION_DIGITS)
  const rounded = (scaled * 2n + denominator) / (denominator * 2n)
  const digits = String(rounded).padStart(FRACTION_DIGITS + 1, '0')
  return `${sign}${digits.slice(0, -FRACTION_DIGITS)}.${digits.slice(-FRACTION_DIGITS)}`
}

/** To the nearest float of 64 bits, a half to the even one. */
function roundedTo64Bits({ numerator, denominator }: Fraction): Fraction {
  if (numerator === 0n) return { numerator, denominator: 1n }
  const size = numerator < 0n ? -numerator : numerator
  const shift = MANTISSA_BITS - bitsOf(size) + bitsOf(denominator)
  for (const places of [shift, shift - 1]) {
    const top = places > 0 ? size << BigInt(places) : size
    const bottom = places < 0 ? denominator << BigInt(-places) : denominator
    let quotient = top / bottom
    if (bitsOf(quotient) > MANTISSA_BITS) continue
    const twice = (top % bottom) * 2n
    if (twice > bottom || (twice === bottom && quotient % 2n === 1n)) quotient++
    const signed = numerator < 0n ? -quotient : quotient
    return places > 0
      ? { numerator: signed, denominator: 1n << BigInt(places) }
      : { numerator: signed << BigInt(-places), denominator: 1n }
  }
  return { numerator, denominator }
}

function bitsOf(value: bigint): number {
  const hex = value.toString(16)
  return hex.length * 4 - Math.clz32(Number.parseInt(hex[0] ?? '0', 16)) + 28
}
