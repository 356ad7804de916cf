const DURATION = /^(\d{1,12})(ms|s|m|h|d)$/
const DURATION_UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
const DAY_MS = 86_400_000

const BYTES = /^(\d{1,15})(KiB|MiB|GiB|)$/
const BYTES_UNITS: Readonly<Record<string, number>> = {
  GiB: 1024 ** 3,
  MiB: 1024 ** 2,
  KiB: 1024,
  '': 1,
}

/** `400d`, `1h`, `5m`, `10s`, `500ms` → ms; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(DURATION, { ...DURATION_UNITS, d: DAY_MS }, text)
}

/** ms → the shortest text that `parseDuration` reads back. */
export function formatDuration(ms: number): string {
  return formatQuantity(DURATION_UNITS, ms)
}

/** `4GiB`, `16MiB`, `64KiB`, `512` → bytes; `undefined` for anything else. */
export function parseBytes(text: string): number | undefined {
  return parseQuantity(BYTES, BYTES_UNITS, text)
}

/** Bytes → the shortest text that `parseBytes` reads back. */
export function formatBytes(bytes: number): string {
  return formatQuantity(BYTES_UNITS, bytes)
}

function parseQuantity(
  form: RegExp,
  units: Readonly<Record<string, number>>,
  text: string,
): number | undefined {
  const [, digits, unit] = form.exec(text) ?? []
  const factor = unit === undefined ? undefined : units[unit]
  if (digits === undefined || factor === undefined) return undefined
  const value = Number(digits) * factor
  return Number.isSafeInteger(value) ? value : undefined
}

function formatQuantity(units: Readonly<Record<string, number>>, value: number): string {
  for (const [unit, factor] of Object.entries(units)) {
    if (value >= factor && value % factor === 0) return `${value / factor}${unit}`
  }
  // Only zero comes here: every whole number is a multiple of the last unit, 1.
  return `${value}${Object.keys(units).at(-1) ?? ''}`
}
