import path from 'node:path'

const MIB = 1024 ** 2
const HOUR_MS = 3_600_000

/** Where a bundle comes from. */
export type BundleSource = NatsSource | HttpSource

export interface NatsSource {
  readonly kind: 'nats'
  /** A larger archive is refused. */
  readonly sizeMax: number
}

/** A bundle server, asked as OPA asks it. */
export interface HttpSource {
  readonly kind: 'http'
  readonly url: URL
  /** Holds a bearer token; read again for each request. */
  readonly tokenFile?: string
  /** Between two requests it waits for a time between these, by chance. */
  readonly minDelayMs: number
  readonly maxDelayMs: number
  /** How long a server that can is asked to wait for a new bundle. */
  readonly longPollS?: number
  readonly sizeMax: number
}

/** Whole numbers, with their bounds and defaults; OPA's where it has one. */
const NUMBERS = {
  minDelayMs: { min: 100, max: HOUR_MS, default: 60_000 },
  maxDelayMs: { min: 100, max: 24 * HOUR_MS, default: 120_000 },
  longPollS: { min: 1, max: 240, default: undefined },
  sizeMax: { min: 1_024, max: 1_024 * MIB, default: 256 * MIB },
} as const

const NATS_FIELDS: readonly string[] = ['sizeMax']
const HTTP_FIELDS: readonly string[] = ['url', 'tokenFile', ...Object.keys(NUMBERS)]
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])
const PATH_CHARS_MAX = 4_096

export type Fields = Readonly<Record<string, unknown>>
export type Report = (field: string, problem: string) => void

/** Undefined where there are problems, each of which is reported with its field. */
export function readSource(
  given: Fields,
  folder: string,
  report: Report,
): BundleSource | undefined {
  let refused = false
  const refuse: Report = (field, problem) => {
    refused = true
    report(field, problem)
  }
  const known = given['url'] === undefined ? NATS_FIELDS : HTTP_FIELDS
  for (const field of Object.keys(given)) {
    if (known.includes(field)) continue
    const needsUrl = HTTP_FIELDS.includes(field)
    refuse(
      field,
      needsUrl ? 'needs a `url` beside it' : `is unknown, ${known.join(', ')} are known`,
    )
  }
  const sizeMax = readNumber(given, 'sizeMax', refuse) ?? NUMBERS.sizeMax.default
  if (given['url'] === undefined) return refused ? undefined : { kind: 'nats', sizeMax }
  const url = readUrl(given['url'], refuse)
  const tokenFile = readPath(given['tokenFile'], folder, refuse)
  const longPollS = readNumber(given, 'longPollS', refuse)
  const delays = readDelays(given, refuse)
  if (refused || url === undefined) return undefined
  return {
    kind: 'http',
    url,
    ...delays,
    sizeMax,
    ...(tokenFile === undefined ? undefined : { tokenFile }),
    ...(longPollS === undefined ? undefined : { longPollS }),
  }
}

/** Where one of them is given, the other follows it rather than its own default. */
function readDelays(given: Fields, refuse: Report) {
  const min = readNumber(given, 'minDelayMs', refuse)
  const max = readNumber(given, 'maxDelayMs', refuse)
  const minDelayMs = min ?? Math.min(NUMBERS.minDelayMs.default, max ?? Number.POSITIVE_INFINITY)
  const maxDelayMs = max ?? Math.max(NUMBERS.maxDelayMs.default, minDelayMs)
  if (minDelayMs > maxDelayMs) refuse('maxDelayMs', 'must not be less than `minDelayMs`')
  return { minDelayMs, maxDelayMs }
}

function readNumber(given: Fields, field: keyof typeof NUMBERS, refuse: Report) {
  const value = given[field]
  if (value === undefined) return undefined
  const { min, max } = NUMBERS[field]
  if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) {
    return Number(value)
  }
  refuse(field, `must be a whole number from ${min} to ${max}`)
  return undefined
}

/** The token, and who asks for what, must not be read on the way; the bundle itself is signed. */
function readUrl(value: unknown, refuse: Report): URL | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null
  const isPlain = url?.protocol === 'http:' && LOOPBACK.has(url.hostname)
  const hasUser = url !== null && (url.username !== '' || url.password !== '')
  if (url !== null && !hasUser && (url.protocol === 'https:' || isPlain)) return url
  refuse('url', 'must be an https URL without a user, or http on the loopback')
  return undefined
}

function readPath(value: unknown, folder: string, refuse: Report): string | undefined {
  if (value === undefined) return undefined
  const isPath = typeof value === 'string' && value !== '' && !value.includes('\0')
  if (isPath && value.length <= PATH_CHARS_MAX) return path.resolve(folder, value)
  refuse('tokenFile', 'must be the path of a file')
  return undefined
}
