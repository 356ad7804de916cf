import { type BigFloat, bitLength, isInteger, isZero } from './big-float.ts'
import { generalText } from './float.ts'

/** The digits of a number: 0.`digits` times ten to the power of `point`. */
interface Digits {
  readonly digits: string
  readonly point: number
}

/**
 * The text of a number with the fewest digits that say it at its precision: an integer in full,
 * another one with an exponent where Go's `%g` has one.
 */
export function bigFloatText(number: BigFloat): string {
  const sign = number.negative ? '-' : ''
  if (isZero(number)) return `${sign}0`
  const { digits, point } = shortest(number)
  if (isInteger(number)) return `${sign}${digits.padEnd(point, '0')}`
  return sign + generalText(`0.${digits}e${point}`)
}

/** As Go's `roundShortest`, which compares the digits of what lies half a bit below and above. */
function shortest({ mantissa, exponent, precision }: BigFloat): Digits {
  const exact = decimal(mantissa, exponent)
  const shift = precision + 1 - bitLength(mantissa)
  const doubled = mantissa << BigInt(shift)
  const lower = decimal(doubled - 1n, exponent - shift).digits
  const upper = decimal(doubled + 1n, exponent - shift).digits
  const isEven = (doubled & 2n) === 0n
  for (const [at, digit] of [...exact.digits].entries()) {
    const above = upper[at] ?? '0'
    const down = (lower[at] ?? '0') !== digit || (isEven && at + 1 === lower.length)
    const up =
      digit !== above && (isEven || Number(digit) + 1 < Number(above) || at + 1 < upper.length)
    if (down && up) return cut(exact, at + 1, roundsUp(exact.digits, at + 1))
    if (down || up) return cut(exact, at + 1, up)
  }
  return exact
}

/** All digits of a mantissa times a power of two, without zeros at the end. */
function decimal(mantissa: bigint, exponent: number): Digits {
  const digits =
    exponent >= 0
      ? String(mantissa << BigInt(exponent))
      : String(mantissa * 5n ** BigInt(-exponent))
  return { digits: digits.replace(/0+$/, ''), point: digits.length + Math.min(exponent, 0) }
}

function roundsUp(digits: string, kept: number): boolean {
  const rest = digits.slice(kept)
  return rest === '5' ? Number(digits[kept - 1]) % 2 === 1 : rest >= '5'
}

function cut({ digits, point }: Digits, kept: number, up: boolean): Digits {
  if (kept >= digits.length) return { digits, point }
  const head = digits.slice(0, kept)
  const next = up ? String(BigInt(head) + 1n) : head
  return { digits: next.replace(/0+$/, ''), point: point + next.length - kept }
}
