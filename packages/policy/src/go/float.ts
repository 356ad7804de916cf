/** A double as Go's `strconv.FormatFloat` writes it. */

export type FloatVerb = 'b' | 'e' | 'E' | 'f' | 'g' | 'G' | 'x' | 'X'

/** The digits of a number: 0.`digits` times ten to the power of `point`. */
interface Digits {
  readonly digits: string
  readonly point: number
}

const ZERO: Digits = { digits: '', point: 0 }

/** With the fewest digits that say the number exactly where `precision` is left out. */
export function formatFloat(value: number, verb: FloatVerb, precision?: number): string {
  if (Number.isNaN(value)) return 'NaN'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const size = Math.abs(value)
  if (size === Number.POSITIVE_INFINITY) return sign === '' ? '+Inf' : '-Inf'
  switch (verb) {
    case 'b': {
      const { mantissa, exponent } = binary(size)
      return `${sign}${mantissa}p${exponent < 0 ? '' : '+'}${exponent}`
    }
    case 'x':
      return sign + hexadecimal(size, precision)
    case 'X':
      return (sign + hexadecimal(size, precision)).toUpperCase()
    case 'f':
      return sign + plain(size, precision)
    case 'e':
    case 'E':
      return sign + scientific(rounded(size, precision, 'scientific'), verb, precision)
    default:
      return sign + general(size, verb === 'g' ? 'e' : 'E', precision)
  }
}

/** The shortest digits that are this float of 32 bits and no other; `+Inf` beyond its range. */
export function formatFloat32(value: number): string {
  const single = Math.fround(value)
  for (let precision = 1; precision < 9; precision++) {
    const text = single.toPrecision(precision)
    if (Math.fround(Number(text)) === single) return formatFloat(Number(text), 'g')
  }
  return formatFloat(Number(single.toPrecision(9)), 'g')
}

function plain(size: number, precision: number | undefined): string {
  const { digits, point } = rounded(size, precision, 'plain')
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0'
  const fraction = point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits
  const shown =
    precision === undefined ? fraction : fraction.padEnd(precision, '0').slice(0, precision)
  return shown === '' || (digits === '' && precision === undefined) ? whole : `${whole}.${shown}`
}

function scientific({ digits, point }: Digits, e: 'e' | 'E', precision?: number): string {
  const fraction = digits.slice(1).padEnd(precision ?? 0, '0')
  const exponent = digits === '' ? 0 : point - 1
  const power = String(Math.abs(exponent)).padStart(2, '0')
  return `${digits[0] ?? '0'}${fraction === '' ? '' : `.${fraction}`}${e}${exponent < 0 ? '-' : '+'}${power}`
}

/** A decimal text as Go's `big.Float` is shown, by its shortest digits. */
export function generalText(text: string): string {
  const [mantissa = '', power = '0'] = text.replace(/^-/, '').toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const point = whole.length + Number(power) - (whole.length + fraction.length - digits.length)
  const sign = text.startsWith('-') ? '-' : ''
  return sign + laidOut(trimmed({ digits, point }), 'e', undefined)
}

function general(size: number, e: 'e' | 'E', precision: number | undefined): string {
  const significant = precision === 0 ? 1 : precision
  return laidOut(rounded(size, significant, 'general'), e, significant)
}

function laidOut(found: Digits, e: 'e' | 'E', significant: number | undefined): string {
  // Large exponents are written as such: beyond the precision, or beyond the digits that exist.
  let limit = significant ?? 6
  if (limit > found.digits.length && found.digits.length >= found.point) limit = found.digits.length
  if (significant === undefined) limit = 6
  const exponent = found.point - 1
  if (exponent < -4 || exponent >= limit) {
    if (found.digits !== '') return scientific(found, e)
  }
  const { digits, point } = found
  if (digits === '') return '0'
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`
  const fraction = digits.slice(point)
  return `${digits.slice(0, point).padEnd(point, '0')}${fraction === '' ? '' : `.${fraction}`}`
}

/** The digits to show, without zeros at the end. */
function rounded(
  size: number,
  precision: number | undefined,
  form: 'plain' | 'scientific' | 'general',
): Digits {
  if (size === 0) return ZERO
  if (precision === undefined) return shortest(size)
  const exact = exactDigits(size)
  const kept =
    form === 'plain' ? exact.point + precision : form === 'general' ? precision : precision + 1
  return cut(exact, kept)
}

function shortest(size: number): Digits {
  const [mantissa = '', power = ''] = size.toExponential().split('e')
  return { digits: mantissa.replace('.', ''), point: Number(power) + 1 }
}

function exactDigits(size: number): Digits {
  const { mantissa, exponent } = binary(size)
  const digits =
    exponent >= 0
      ? String(mantissa << BigInt(exponent))
      : String(mantissa * 5n ** BigInt(-exponent))
  const point = digits.length + Math.min(exponent, 0)
  return { digits: digits.replace(/0+$/, ''), point }
}

/** Rounds to a number of digits, a half to the even neighbour. */
function cut({ digits, point }: Digits, kept: number): Digits {
  if (kept < 0) return ZERO
  if (kept >= digits.length) return { digits, point }
  const head = digits.slice(0, kept)
  const rest = digits.slice(kept)
  const isHalf = rest === '5'
  const isOdd = Number(head.at(-1) ?? '0') % 2 === 1
  const up = isHalf ? isOdd : rest >= '5'
  if (!up) return trimmed({ digits: head, point })
  const next = String(BigInt(head === '' ? '0' : head) + 1n).padStart(kept, '0')
  return trimmed({ digits: next, point: point + next.length - kept })
}

function trimmed({ digits, point }: Digits): Digits {
  const text = digits.replace(/0+$/, '')
  return text === '' ? ZERO : { digits: text, point }
}

function binary(size: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, size)
  const bits = view.getBigUint64(0)
  const power = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  return power === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: power - 1075 }
}

function hexadecimal(size: number, precision: number | undefined): string {
  let { mantissa, exponent } = binary(size)
  if (mantissa === 0n) return `0x0${precision ? `.${'0'.repeat(precision)}` : ''}p+00`
  while (mantissa >> 60n === 0n) {
    mantissa <<= 1n
    exponent--
  }
  if (precision !== undefined && precision < 15) {
    const dropped = 60n - BigInt(precision) * 4n
    const rest = mantissa & ((1n << dropped) - 1n)
    const half = 1n << (dropped - 1n)
    mantissa >>= dropped
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++
    mantissa <<= dropped
    if (mantissa >> 61n !== 0n) {
      mantissa >>= 1n
      exponent++
    }
  }
  const digits = (mantissa & ((1n << 60n) - 1n)).toString(16).padStart(15, '0')
  const shown =
    precision === undefined
      ? digits.replace(/0+$/, '')
      : digits.padEnd(precision, '0').slice(0, precision)
  const power = exponent + 60
  const sign = power < 0 ? '-' : '+'
  return `0x1${shown === '' ? '' : `.${shown}`}p${sign}${String(Math.abs(power)).padStart(2, '0')}`
}
