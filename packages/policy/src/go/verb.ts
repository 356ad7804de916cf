import { BuiltinError } from '../builtins/builtin.ts'
import { type FloatVerb, formatFloat } from './float.ts'
import { isPrintable, quoted } from './quote.ts'

/** An operand of `sprintf`, by its type in Go. */
export type Argument =
  | { readonly type: 'string' | 'json.Number'; readonly value: string }
  | { readonly type: 'float64'; readonly value: number }
  | { readonly type: 'int' | 'int64' | '*big.Int'; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }

export interface Flags {
  sharp: boolean
  zero: boolean
  plus: boolean
  minus: boolean
  space: boolean
  width?: number | undefined
  precision?: number | undefined
}

const BASES: Readonly<Record<string, number>> = { b: 2, o: 8, O: 8, d: 10, v: 10, x: 16, X: 16 }
const RUNE_MAX = 0x10ffffn

/** One operand under one verb. */
export function shown(operand: Argument, verb: string, flags: Flags, isGoSyntax = false): string {
  if (verb === 'T') return text(operand.type, flags)
  switch (operand.type) {
    case 'string':
    case 'json.Number':
      return stringShown(operand, verb, flags, isGoSyntax)
    case 'float64':
      return floatShown(operand, verb, flags)
    case 'bool':
      return verb === 't' || verb === 'v'
        ? padded(String(operand.value), flags)
        : refused(operand, verb, flags)
    case 'int':
    case 'int64':
      return integerShown(operand, verb, flags)
    default:
      return bigShown(operand.value, verb, flags)
  }
}

/** Fills up to the width, on the left unless the flags say the right. */
export function padded(shown: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - length(shown)
  if (missing <= 0) return shown
  if (flags.minus) return shown + ' '.repeat(missing)
  return (flags.zero ? '0' : ' ').repeat(missing) + shown
}

function refused(operand: Argument, verb: string, flags: Flags): string {
  return `%!${verb}(${operand.type}=${shown(operand, 'v', flags)})`
}

function length(shown: string): number {
  let count = 0
  for (const _ of shown) count++
  return count
}

function text(value: string, flags: Flags): string {
  return padded(truncated(value, flags), flags)
}

function truncated(value: string, { precision }: Flags): string {
  if (precision === undefined || value.length <= precision) return value
  return [...value].slice(0, precision).join('')
}

function stringShown(operand: Argument, verb: string, flags: Flags, isGoSyntax: boolean): string {
  const value = String(operand.value)
  if (verb === 's' || (verb === 'v' && !isGoSyntax)) return text(value, flags)
  if (verb === 'q' || verb === 'v') {
    const cut = truncated(value, flags)
    const isRaw = verb === 'q' && flags.sharp && canBackquote(cut)
    return padded(isRaw ? `\`${cut}\`` : quoted(cut, '"', verb === 'q' && flags.plus), flags)
  }
  return verb === 'x' || verb === 'X'
    ? bytesShown(value, verb, flags)
    : refused(operand, verb, flags)
}

function canBackquote(value: string): boolean {
  return !/[^\t\u0020-\u{10ffff}]|[`\u007f\ufeff\ufffd]/u.test(value)
}

function bytesShown(value: string, verb: string, flags: Flags): string {
  const bytes = Buffer.from(value, 'utf8').subarray(0, flags.precision)
  const prefix = flags.sharp ? '0x' : ''
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'))
  const joined = flags.space ? hex.map((pair) => prefix + pair).join(' ') : prefix + hex.join('')
  const out = hex.length === 0 ? '' : joined
  // Nothing is filled up on the left even where the right is asked for.
  const side =
    hex.length === 0 ? { ...flags, minus: false, zero: flags.zero && !flags.minus } : flags
  return padded(verb === 'X' ? out.toUpperCase() : out, side)
}

function integerShown(operand: Argument, verb: string, flags: Flags): string {
  const value = BigInt(operand.value)
  const bits = BigInt.asUintN(64, value)
  const rune = bits > RUNE_MAX || (bits >= 0xd800n && bits <= 0xdfffn) ? 0xfffd : Number(bits)
  if (verb === 'c') return padded(String.fromCodePoint(rune), flags)
  if (verb === 'q') return padded(quoted(String.fromCodePoint(rune), "'", flags.plus), flags)
  if (verb === 'U') return unicodeShown(bits, flags)
  const base = BASES[verb]
  if (base === undefined) return refused(operand, verb, flags)
  const { precision } = flags
  if (precision === 0 && value === 0n) {
    return ' '.repeat(flags.width ?? 0)
  }
  const isNegative = value < 0n
  const hasSign = isNegative || flags.plus || flags.space
  const filled = flags.zero && !flags.minus && flags.width !== undefined
  const least = precision ?? (filled ? (flags.width ?? 0) - (hasSign ? 1 : 0) : 0)
  let digits = (isNegative ? -value : value).toString(base).padStart(least, '0')
  if (flags.sharp && base === 2) digits = `0b${digits}`
  if (flags.sharp && base === 8 && !digits.startsWith('0')) digits = `0${digits}`
  if (flags.sharp && base === 16) digits = `0x${digits}`
  if (verb === 'X') digits = digits.toUpperCase()
  if (verb === 'O') digits = `0o${digits}`
  const sign = isNegative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  return padded(sign + digits, { ...flags, zero: false })
}

function unicodeShown(bits: bigint, flags: Flags): string {
  const digits = bits
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(flags.precision ?? 0, 4), '0')
  const isRune = bits <= RUNE_MAX && !(bits >= 0xd800n && bits <= 0xdfffn)
  const character = isRune ? String.fromCodePoint(Number(bits)) : ''
  const tail = flags.sharp && isPrintable(character) ? ` '${character}'` : ''
  return padded(`U+${digits}${tail}`, { ...flags, zero: false })
}

/** Integers beyond 64 bits have a way of their own. */
function bigShown(value: bigint, verb: string, flags: Flags): string {
  if (verb === 'p' || verb === 'w') throw new BuiltinError(`no \`%${verb}\` of a big integer`)
  const base = verb === 's' ? 10 : BASES[verb]
  if (base === undefined) return `%!${verb}(big.Int=${value})`
  const sign = value < 0n ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  const prefixes: Readonly<Record<string, string>> = { b: '0b', o: '0', x: '0x', X: '0X' }
  const prefix = verb === 'O' ? '0o' : flags.sharp ? (prefixes[verb] ?? '') : ''
  let digits = (value < 0n ? -value : value).toString(base)
  if (verb === 'X') digits = digits.toUpperCase()
  digits = digits.padStart(flags.precision ?? 0, '0')
  if (flags.zero && !flags.minus && flags.precision === undefined) {
    digits = digits.padStart((flags.width ?? 0) - sign.length - prefix.length, '0')
  }
  return padded(sign + prefix + digits, { ...flags, zero: false })
}

function floatShown(operand: Argument, verb: string, flags: Flags): string {
  if (!/^[vbgGxXfFeE]$/.test(verb)) return refused(operand, verb, flags)
  const form = (verb === 'v' ? 'g' : verb === 'F' ? 'f' : verb) as FloatVerb
  const usual = form === 'f' || form === 'e' || form === 'E' ? 6 : undefined
  const precision = flags.precision ?? usual
  const formatted = formatFloat(Number(operand.value), form, precision)
  const isNegative = formatted.startsWith('-')
  const digits = formatted.replace(/^[-+]/, '')
  const full = flags.sharp && form !== 'b' ? withPoint(digits, form, precision) : digits
  const sign = isNegative ? '-' : flags.plus ? '+' : flags.space ? ' ' : ''
  if (sign !== '' && flags.zero && !flags.minus) {
    return sign + full.padStart((flags.width ?? 0) - 1, '0')
  }
  return padded(sign + full, flags)
}

/** With a decimal point and the zeros that other forms leave out. */
function withPoint(digits: string, form: FloatVerb, precision: number | undefined): string {
  const isHex = form === 'x' || form === 'X'
  const [, mantissa = '', tail = ''] =
    (isHex ? /^([^pP]*)(.*)$/ : /^([^eE]*)(.*)$/).exec(digits) ?? []
  let missing = form === 'g' || form === 'G' || form === 'x' ? (precision ?? 6) : 0
  let seen = false
  for (const character of mantissa) {
    if (character === '.') continue
    if (character !== '0') seen = true
    if (seen) missing--
  }
  const hasPoint = mantissa.includes('.')
  if (!hasPoint && mantissa === '0') missing--
  return `${mantissa}${hasPoint ? '' : '.'}${'0'.repeat(Math.max(missing, 0))}${tail}`
}
