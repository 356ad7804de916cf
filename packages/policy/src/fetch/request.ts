import { BuiltinError } from '../builtins/builtin.ts'
import { int64Of } from '../builtins/operands.ts'
import { parseDuration } from '../builtins/time/duration.ts'
import { objectOf } from '../value/compare.ts'
import { isArray, isObject, type RegoObject, type Value } from '../value/value.ts'
import { writeValue } from '../value/write.ts'
import { invalid, SendOperand } from './operand.ts'
import type { Caching, HttpQuestion } from './question.ts'
import { type Target, targetOf } from './target.ts'
import { type TlsParameters, tlsOf, unsupported } from './tls.ts'

const DEFAULT_TIMEOUT_NS = 5_000_000_000n
const NS_PER_MS = 1_000_000n
/** No timer waits longer. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Z]*$/
/** Asking changes nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Of the connection, or of how the body is sent: both are ours to say. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
])
const CACHING_MODES: ReadonlySet<Value> = new Set(['serialized', 'deserialized'])
const REQUIRED = ['method', 'url']
const KNOWN: ReadonlySet<Value> = new Set([
  ...REQUIRED,
  ...['body', 'raw_body', 'headers', 'enable_redirect', 'timeout', 'max_retry_attempts'],
  ...['force_json_decode', 'force_yaml_decode', 'raise_error', 'caching_mode'],
  ...['cache', 'force_cache', 'force_cache_duration_seconds', 'cache_ignored_headers'],
  ...['tls_use_system_certs', 'tls_server_name', 'tls_insecure_skip_verify'],
  ...['tls_ca_cert', 'tls_client_cert', 'tls_client_key'].flatMap((name) => [
    ...[name, `${name}_file`, `${name}_env_variable`],
  ]),
])

export type Decoding = 'by_type' | 'json' | 'yaml'

/** What a policy asks of a server. */
export interface HttpRequest {
  readonly method: string
  readonly target: Target
  /** As they were given, but those that are ours. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** What the header `Host` says in place of the URL. */
  readonly host?: string
  /** Where a redirect came from. */
  readonly referer?: string
  readonly body: Buffer
  /** Of one attempt, with its redirects; undefined where only the evaluation ends it. */
  readonly timeoutMs: number | undefined
  readonly retriesMax: number
  readonly followsRedirects: boolean
  readonly tls?: TlsParameters
  readonly decoding: Decoding
}

/**
 * What a call of `http.send` asks.
 * @throws {FetchFailure} where OPA has an error, {PolicyError} `fetch_unsupported`
 */
export function httpQuestionOf(object: RegoObject): HttpQuestion {
  const unknown = [...object.keys()].find((key) => !KNOWN.has(key))
  if (unknown !== undefined) throw invalid(`invalid request parameter: ${writeValue(unknown)}`)
  const missing = REQUIRED.find((name) => !object.has(name))
  if (missing !== undefined) throw invalid(`missing required request parameter: "${missing}"`)
  const operand = new SendOperand(object)
  const key = `http.send ${writeValue(keyOf(object))}`
  const caching = cachingOf(operand)
  const request = requestOf(operand)
  const isSafe = SAFE_METHODS.has(request.method)
  return { kind: 'http', key, isSafe, request, ...(caching && { caching }) }
}

function requestOf(operand: SendOperand): HttpRequest {
  const method = operand.text('method').toUpperCase() || 'GET'
  if (!METHOD.test(method) || method === 'CONNECT') throw invalid(`invalid method "${method}"`)
  const url = operand.text('url')
  if (/^unix:/i.test(url)) throw unsupported('unix://', 'ask a host that is allowed by its name')
  const all = headersOf(operand.value('headers'))
  const host = all.find(([name]) => name.toLowerCase() === 'host')?.[1]
  const tls = tlsOf(operand, host)
  const body = operand.has('raw_body') ? operand.text('raw_body') : operand.json('body')
  return {
    method,
    target: targetOf(url),
    headers: all.filter(([name]) => !OWN_HEADERS.has(name.toLowerCase())),
    ...(host === undefined ? undefined : { host }),
    body: Buffer.from(body ?? ''),
    timeoutMs: timeoutOf(operand.value('timeout')),
    retriesMax: operand.count('max_retry_attempts'),
    followsRedirects: operand.isOn('enable_redirect'),
    ...(tls === undefined ? undefined : { tls }),
    decoding: decodingOf(operand),
  }
}

/** The request without the headers that make no difference between two of them. */
function keyOf(object: RegoObject): RegoObject {
  const ignored = object.get('cache_ignored_headers')
  const headers = object.get('headers')
  if (ignored === undefined || headers === undefined) return object
  if (!isArray(ignored) || ignored.some((name) => typeof name !== 'string')) {
    throw invalid('cache_ignored_headers must be an array of strings')
  }
  if (!isObject(headers)) throw invalid('invalid type for headers key')
  const kept = [...headers].filter(([name]) => !ignored.includes(name))
  return objectOf([...object, ['headers', objectOf(kept)], ['cache_ignored_headers', null]])
}

function headersOf(value: Value | undefined): [string, string][] {
  if (value === undefined) return []
  if (!isObject(value)) throw invalid('invalid type for headers key')
  return [...value].map(([name, held]) => {
    if (typeof held !== 'string') throw invalid('invalid type for headers value')
    return [typeof name === 'string' ? name : writeValue(name), held]
  })
}

function cachingOf(operand: SendOperand): Caching | undefined {
  const isCached = operand.isSet('cache')
  const isForced = operand.isSet('force_cache')
  const seconds = isForced ? operand.int32('force_cache_duration_seconds') : 0
  // Here all answers are kept in one way; OPA keeps none where it does not know the mode.
  const isKnown = CACHING_MODES.has(operand.value('caching_mode') ?? 'serialized')
  if (!(isKnown && (isCached || isForced))) return undefined
  return seconds > 0 ? { forcedSeconds: seconds } : {}
}

function decodingOf(operand: SendOperand): Decoding {
  const isYaml = operand.isSet('force_yaml_decode')
  if (operand.isSet('force_json_decode')) return 'json'
  return isYaml ? 'yaml' : 'by_type'
}

/** A number of nanoseconds, or a text such as `300ms`; 0 is no end. */
function timeoutOf(value: Value | undefined): number | undefined {
  const ns = value === undefined ? DEFAULT_TIMEOUT_NS : nanosecondsOf(value)
  if (ns < 0n) return 0
  if (ns === 0n) return undefined
  return Math.min(Math.max(Number(ns / NS_PER_MS), 1), TIMEOUT_MS_MAX)
}

function nanosecondsOf(value: Value): bigint {
  try {
    if (typeof value !== 'string') return int64Of(value)
    return /^[-+]?\d+$/.test(value) ? BigInt(value) : parseDuration(value)
  } catch (cause) {
    if (!(cause instanceof BuiltinError)) throw cause
    throw invalid(`invalid timeout value ${writeValue(value)}`)
  }
}
