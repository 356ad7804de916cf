import { formatFloat } from '../../go/float.ts'
import { BuiltinError } from '../builtin.ts'

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
])
/** What OPA adds to Go's units, in hours. */
const HOURS: ReadonlyMap<string, number> = new Map([
  ['d', 24],
  ['w', 7 * 24],
  ['y', 365 * 24],
])
const LIMIT = 2n ** 63n
const FRACTION_MAX = (LIMIT - 1n) / 10n

/** A text such as `1d2h30m` in nanoseconds. @throws {BuiltinError} */
export function parseDuration(text: string): bigint {
  return parsed(/[dwy]/.test(text) ? inHours(text) : text)
}

function inHours(text: string): string {
  if (!/^[-+]?(?:[0-9.]+(?:[mun]s|µs|[a-z]))+$/.test(text)) throw noDuration()
  return text.replaceAll(/([0-9.]+)([dwy])/g, (_, digits: string, unit: string) => {
    const hours = Number(digits) * (HOURS.get(unit) ?? 0)
    if (!Number.isFinite(Number(digits))) throw noDuration()
    return `${formatFloat(hours, 'f')}h`
  })
}

function parsed(text: string): bigint {
  const isNegative = text.startsWith('-')
  const rest = text.replace(/^[-+]/, '')
  if (rest === '0') return 0n
  if (rest === '') throw noDuration()
  let sum = 0n
  const segment = /(\d*)(?:\.(\d*))?([^.0-9]+)/y
  while (segment.lastIndex < rest.length) {
    const [, whole = '', fraction = '', name = ''] = segment.exec(rest) ?? []
    const unit = UNITS.get(name)
    if (unit === undefined || (whole === '' && fraction === '')) throw noDuration()
    sum += amount(whole, fraction, unit)
    if (sum > LIMIT) throw noDuration()
  }
  if (isNegative) return -sum
  if (sum === LIMIT) throw noDuration()
  return sum
}

function amount(whole: string, fraction: string, unit: bigint): bigint {
  // Enough digits to tell that they are too many.
  const digits = whole.replace(/^0+/, '')
  if (digits.length > 19) throw noDuration()
  const value = BigInt(digits) * unit
  if (BigInt(digits) > LIMIT || value > LIMIT) throw noDuration()
  let part = 0n
  let scale = 1
  for (const digit of fraction) {
    if (part > FRACTION_MAX) break
    const next = part * 10n + BigInt(digit)
    if (next > LIMIT) break
    part = next
    scale *= 10
  }
  const sum = value + BigInt(Math.trunc(Number(part) * (Number(unit) / scale)))
  if (sum > LIMIT) throw noDuration()
  return sum
}

function noDuration(): BuiltinError {
  return new BuiltinError('the text is no duration')
}
