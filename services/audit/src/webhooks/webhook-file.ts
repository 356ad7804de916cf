import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { isLineFormat, type LineFormat } from '@verdict/export'
import { ConfigError } from '@verdict/service'
import { filterParameters } from '../routes/filter-parameters.ts'
import type { Filter } from '../search/filter.ts'
import { readSecret } from './signature.ts'

/** Webhooks of a file: with more the start is refused. */
export const WEBHOOKS_MAX = 64
/** Of the file: a larger one is refused. */
const FILE_BYTES_MAX = 1024 * 1024
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
const FILTERS = ['outcome', 'destination', 'namespace', 'principal'] as const
const FIELDS = ['name', 'url', 'secretFile', 'format', 'filter', 'batchMax', 'timeoutMs']
const NUMBERS = {
  batchMax: { min: 1, max: 1_000, default: 100 },
  timeoutMs: { min: 100, max: 60_000, default: 10_000 },
} as const

/** Where decisions are posted to, and which of them. */
export interface WebhookTarget {
  /** Of its cursor, its metrics and its events. */
  readonly name: string
  readonly url: URL
  readonly secretFile: string
  readonly format: LineFormat
  readonly filter: Filter
  /** Decisions of a batch. */
  readonly batchMax: number
  /** For a whole exchange. */
  readonly timeoutMs: number
}

/**
 * Reads `{"webhooks": [{"name", "url", "secretFile", "format"?, "filter"?, "batchMax"?,
 * "timeoutMs"?}]}`. Paths of secrets begin at the folder of the file.
 * @throws {ConfigError}
 */
export function readWebhooks(file: string): WebhookTarget[] {
  try {
    if (statSync(file).size > FILE_BYTES_MAX) throw new Error('it is longer than 1 MiB')
    return parseWebhooks(JSON.parse(readFileSync(file, 'utf8')), path.dirname(file))
  } catch (error) {
    const env = 'VERDICT_AUDIT_WEBHOOKS'
    throw new ConfigError([{ env, message: `${env} can't be \`${file}\`: ${messageOf(error)}` }])
  }
}

function parseWebhooks(document: unknown, folder: string): WebhookTarget[] {
  const { webhooks, ...others } = objectOf(document, 'the file')
  refuseOthers(others, 'the file')
  if (!Array.isArray(webhooks)) throw new Error('expected `webhooks`, an array')
  if (webhooks.length > WEBHOOKS_MAX) throw new Error(`expected at most ${WEBHOOKS_MAX} webhooks`)
  const targets = webhooks.map((given: unknown, at) => parseTarget(given, at, folder))
  const twice = targets.find(({ name }, at) => targets.findIndex((t) => t.name === name) < at)
  if (twice !== undefined) throw new Error(`two webhooks are called \`${twice.name}\``)
  return targets
}

function parseTarget(given: unknown, at: number, folder: string): WebhookTarget {
  const fields = objectOf(given, `webhook ${at + 1}`)
  const { name, url, secretFile, format = 'cloudevents' } = fields
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new Error(`\`name\` of webhook ${at + 1} must be a-z, 0-9 and -, at most 32 characters`)
  }
  const where = `webhook \`${name}\``
  refuseOthers(withoutFields(fields), where)
  if (typeof secretFile !== 'string' || secretFile === '') {
    throw new Error(`${where} needs \`secretFile\`, the path of a file`)
  }
  if (typeof format !== 'string' || !isLineFormat(format)) {
    throw new Error(`\`format\` of ${where} must be json, ocsf, ecs, cef or cloudevents`)
  }
  const secret = path.resolve(folder, secretFile)
  readSecret(secret)
  return {
    ...{ name, format, secretFile: secret, url: urlOf(url, where) },
    filter: filterIn(fields['filter'], where),
    batchMax: numberIn(fields, 'batchMax', where),
    timeoutMs: numberIn(fields, 'timeoutMs', where),
  }
}

/** The operator says where to; what is read on the way by others, or means something else, not. */
function urlOf(given: unknown, where: string): URL {
  const url = typeof given === 'string' ? URL.parse(given) : null
  const isPlain = url?.protocol === 'http:' && LOOPBACK.test(url.hostname)
  const isSecure = url?.protocol === 'https:'
  const hasMore = url !== null && `${url.username}${url.password}${url.hash}` !== ''
  if (url !== null && (isPlain || isSecure) && !hasMore) return url
  const expected = 'an https URL without a user and a fragment, or http on the loopback'
  throw new Error(`\`url\` of ${where} must be ${expected}`)
}

function filterIn(given: unknown, where: string): Filter {
  if (given === undefined) return {}
  const filter: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(objectOf(given, `\`filter\` of ${where}`))) {
    const known = FILTERS.find((each) => each === name)
    if (known === undefined) {
      throw new Error(`\`filter\` of ${where} knows ${FILTERS.join(', ')}, and not \`${name}\``)
    }
    const value = typeof text === 'string' ? filterParameters[known].parse(text) : undefined
    if (value !== undefined) filter[name] = value
    else throw new Error(`\`${name}\` of ${where} must be ${filterParameters[known].form}`)
  }
  return filter
}

function numberIn(
  fields: Readonly<Record<string, unknown>>,
  name: keyof typeof NUMBERS,
  where: string,
): number {
  const { default: otherwise, max, min } = NUMBERS[name]
  const value = fields[name] ?? otherwise
  if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) {
    return Number(value)
  }
  throw new Error(`\`${name}\` of ${where} must be a whole number from ${min} to ${max}`)
}

function objectOf(given: unknown, what: string): Record<string, unknown> {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    return given as Record<string, unknown>
  }
  throw new Error(`${what} is no object`)
}

function withoutFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !FIELDS.includes(name)))
}

function refuseOthers(others: Readonly<Record<string, unknown>>, where: string): void {
  const [name] = Object.keys(others)
  if (name !== undefined) throw new Error(`${where} has \`${name}\`, which is unknown`)
}
