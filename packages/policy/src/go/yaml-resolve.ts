/** What a plain scalar of YAML means to go-yaml, which reads a mixture of YAML 1.1 and 1.2. */
export type Scalar =
  | { readonly kind: 'null' | 'timestamp' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string' }

const INT64_MIN = -(2n ** 63n)
const UINT64_MAX = 2n ** 64n - 1n
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
const DOTTED_FLOAT = /^\.[0-9]+([eE][-+]?[0-9]+)?$/
const SEXAGESIMAL = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/
const OLD_BOOLEAN = /^(?:[yY]|yes|Yes|YES|on|On|ON|[nN]|no|No|NO|off|Off|OFF)$/
const TIME = '(\\d{1,2}):(\\d{1,2}):(\\d{1,2})(?:[.,]\\d+)?'
const TIMESTAMP = new RegExp(
  `^(\\d{4})-(\\d{1,2})-(\\d{1,2})(?:[Tt]${TIME}(?:Z|[-+](\\d{2}):(\\d{2}))| ${TIME})?$`,
)

/** A text that YAML of old reads as something else, though go-yaml does not. */
export function isOldForm(text: string): boolean {
  return SEXAGESIMAL.test(text) || OLD_BOOLEAN.test(text)
}

export function resolveScalar(text: string): Scalar {
  if (/^(?:|~|null|Null|NULL)$/.test(text)) return { kind: 'null' }
  if (/^(?:true|True|TRUE)$/.test(text)) return { kind: 'bool', value: true }
  if (/^(?:false|False|FALSE)$/.test(text)) return { kind: 'bool', value: false }
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return { kind: 'float', value: Number.NaN }
  const infinite = /^([-+]?)\.(?:inf|Inf|INF)$/.exec(text)
  if (infinite) return { kind: 'float', value: infinite[1] === '-' ? -Infinity : Infinity }
  if (text.startsWith('.')) return DOTTED_FLOAT.test(text) ? float(text) : { kind: 'string' }
  return /^[-+0-9]/.test(text) ? numeric(text) : { kind: 'string' }
}

function numeric(text: string): Scalar {
  if (isTimestamp(text)) return { kind: 'timestamp' }
  const plain = text.replaceAll('_', '')
  const integer = integerOf(plain)
  if (integer !== undefined && integer >= INT64_MIN && integer <= UINT64_MAX) {
    const isSigned = plain.startsWith('+')
    // An integer with a plus sign has 63 bits.
    if (!isSigned || integer < 2n ** 63n) return { kind: 'int', value: integer }
  }
  return FLOAT.test(plain) ? float(plain) : { kind: 'string' }
}

function float(text: string): Scalar {
  const value = Number(text)
  return Number.isFinite(value) ? { kind: 'float', value } : { kind: 'string' }
}

function integerOf(text: string): bigint | undefined {
  const [, sign, prefix = '', digits = ''] = /^([-+]?)(0[xXbBoO]?)?([0-9a-fA-F]*)$/.exec(text) ?? []
  if (sign === undefined || (prefix + digits).length === 0) return undefined
  const size = magnitude(prefix.toLowerCase(), digits)
  return size === undefined ? undefined : sign === '-' ? -size : size
}

function magnitude(prefix: string, digits: string): bigint | undefined {
  if (prefix === '') return /^\d+$/.test(digits) ? BigInt(digits) : undefined
  if (prefix === '0') {
    if (digits === '') return 0n
    return /^[0-7]+$/.test(digits) ? BigInt(`0o${digits}`) : undefined
  }
  const forms: Readonly<Record<string, RegExp>> = {
    '0x': /^.+$/,
    '0b': /^[01]+$/,
    '0o': /^[0-7]+$/,
  }
  return forms[prefix]?.test(digits) ? BigInt(`${prefix}${digits}`) : undefined
}

function isTimestamp(text: string): boolean {
  const found = TIMESTAMP.exec(text)
  if (found === null) return false
  const [year = 0, month = 0, day = 0, ...rest] = found.slice(1).map((part) => Number(part || 0))
  const [hour = 0, minute = 0, second = 0, zoneHour = 0, zoneMinute = 0, ...local] = rest
  const times = [hour, minute, second].map((part, at) => Math.max(part, local[at] ?? 0))
  const isTime = (times[0] ?? 0) < 24 && (times[1] ?? 0) < 60 && (times[2] ?? 0) < 60
  if (!isTime || zoneHour > 24 || zoneMinute >= 60 || month < 1 || month > 12) return false
  return day >= 1 && day <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
}
