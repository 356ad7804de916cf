/** Binary numbers of a precision that is chosen, as Go's `math/big.Float` computes with them. */

/** `mantissa` times two to the power of `exponent`; a zero has a sign too. */
export interface BigFloat {
  readonly negative: boolean
  readonly mantissa: bigint
  readonly exponent: number
  /** The most bits that the mantissa may have. */
  readonly precision: number
}

/** The precision that Go gives to a number that is read from a text. */
const READ_PRECISION = 64
/** How many more bits Go takes for the powers that a number is multiplied by. */
const SPARE_BITS = 64
/** The largest power of five that an integer of 64 bits holds. */
const SMALL_POWER = 27

/** Reads a decimal text, rounded as Go rounds it, which is not always to the nearest. */
export function readBigFloat(text: string): BigFloat {
  const [, sign, whole = '', fraction = '', power = '0'] =
    /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const mantissa = BigInt(`${whole}${fraction}`)
  const tens = Number(power) - fraction.length
  const read = { negative: sign === '-', mantissa, exponent: tens, precision: READ_PRECISION }
  if (mantissa === 0n) return { ...read, exponent: 0 }
  if (tens === 0) return rounded(read)
  const fives = powerOfFive(Math.abs(tens), READ_PRECISION + SPARE_BITS)
  return tens < 0 ? divide(read, fives, READ_PRECISION) : multiply(read, fives, READ_PRECISION)
}

export function bigFloatOf(integer: bigint, precision: number): BigFloat {
  const mantissa = integer < 0n ? -integer : integer
  return rounded({ negative: integer < 0n, mantissa, exponent: 0, precision })
}

/** An integer in as many bits as it needs, and at least those of a number that is read. */
export function wholeBigFloat(integer: bigint): BigFloat {
  return bigFloatOf(integer, Math.max(bitLength(integer < 0n ? -integer : integer), READ_PRECISION))
}

export function add(a: BigFloat, b: BigFloat, precision = larger(a, b)): BigFloat {
  const exponent = Math.min(a.exponent, b.exponent)
  const sum = aligned(a, exponent) + aligned(b, exponent)
  const negative = sum === 0n ? a.negative && b.negative : sum < 0n
  return rounded({ negative, mantissa: sum < 0n ? -sum : sum, exponent, precision })
}

export function subtract(a: BigFloat, b: BigFloat): BigFloat {
  return add(a, { ...b, negative: !b.negative })
}

export function multiply(a: BigFloat, b: BigFloat, precision = larger(a, b)): BigFloat {
  return rounded({
    negative: a.negative !== b.negative,
    mantissa: a.mantissa * b.mantissa,
    exponent: a.exponent + b.exponent,
    precision,
  })
}

/** `b` must not be zero. */
export function divide(a: BigFloat, b: BigFloat, precision = larger(a, b)): BigFloat {
  // Two bits more than are kept, and a last one that says whether there is a rest.
  const wanted = precision + 2 + bitLength(b.mantissa) - bitLength(a.mantissa)
  const shift = Math.max(wanted, 0)
  const dividend = a.mantissa << BigInt(shift)
  const rest = dividend % b.mantissa === 0n ? 0n : 1n
  return rounded({
    negative: a.negative !== b.negative,
    mantissa: ((dividend / b.mantissa) << 1n) | rest,
    exponent: a.exponent - b.exponent - shift - 1,
    precision,
  })
}

export function isZero({ mantissa }: BigFloat): boolean {
  return mantissa === 0n
}

/** The number without its fraction. */
export function truncated({ negative, mantissa, exponent }: BigFloat): bigint {
  const whole = exponent < 0 ? mantissa >> BigInt(-exponent) : mantissa << BigInt(exponent)
  return negative ? -whole : whole
}

export function isInteger({ mantissa, exponent }: BigFloat): boolean {
  return exponent >= 0 || BigInt.asUintN(-exponent, mantissa) === 0n
}

export function bitLength(size: bigint): number {
  const hex = size.toString(16)
  return size === 0n ? 0 : hex.length * 4 - (Math.clz32(Number.parseInt(hex[0] ?? '0', 16)) - 28)
}

/** To the precision, a half to the even neighbour. */
function rounded(number: BigFloat): BigFloat {
  const { mantissa, exponent, precision } = number
  const dropped = bitLength(mantissa) - precision
  if (dropped <= 0) return number
  const kept = mantissa >> BigInt(dropped)
  const rest = BigInt.asUintN(dropped, mantissa)
  const half = 1n << BigInt(dropped - 1)
  const up = rest > half || (rest === half && (kept & 1n) === 1n)
  return { ...number, mantissa: up ? kept + 1n : kept, exponent: exponent + dropped }
}

function powerOfFive(power: number, precision: number): BigFloat {
  if (power <= SMALL_POWER) return bigFloatOf(5n ** BigInt(power), precision)
  let product = bigFloatOf(5n ** BigInt(SMALL_POWER), precision)
  let factor = bigFloatOf(5n, precision + SPARE_BITS)
  for (let left = power - SMALL_POWER; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) product = multiply(product, factor, precision)
    factor = multiply(factor, factor)
  }
  return product
}

function larger(a: BigFloat, b: BigFloat): number {
  return Math.max(a.precision, b.precision)
}

function aligned({ negative, mantissa, exponent }: BigFloat, to: number): bigint {
  const size = mantissa << BigInt(exponent - to)
  return negative ? -size : size
}
