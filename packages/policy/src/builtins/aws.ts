import { createHash } from 'node:crypto'
import { goJson, jsonValue } from '../go/json.ts'
import { escapedPath, type GoUrl, parseUrl } from '../go/url.ts'
import { compare, objectOf } from '../value/compare.ts'
import type { RegoObject, Value } from '../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from './builtin.ts'
import { hmac } from './jwt/signature.ts'
import { int64Of, objectOperand, stringOf } from './operands.ts'

/** What a request may say: what `http.send` takes. */
const REQUEST_MEMBERS: ReadonlySet<Value> = new Set(
  (
    'method url body enable_redirect force_json_decode force_yaml_decode headers raw_body ' +
    'tls_use_system_certs tls_ca_cert tls_ca_cert_file tls_ca_cert_env_variable tls_client_cert ' +
    'tls_client_cert_file tls_client_cert_env_variable tls_client_key tls_client_key_file ' +
    'tls_client_key_env_variable tls_insecure_skip_verify tls_server_name timeout cache ' +
    'force_cache force_cache_duration_seconds raise_error caching_mode max_retry_attempts ' +
    'cache_ignored_headers'
  ).split(' '),
)
/** Headers that change on the way. */
const UNSIGNED: ReadonlySet<string> = new Set(['authorization', 'user-agent', 'x-amzn-trace-id'])
/** Services that want the hash of the body as a header. */
const HASHED: ReadonlySet<string> = new Set(['s3', 'glacier'])
const CONTENT_HASH = 'x-amz-content-sha256'
const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'
const ALGORITHM = 'AWS4-HMAC-SHA256'
const NS_PER_MS = 1_000_000n
/** What a path may hold that Go leaves as it was written. */
const PATH_AS_WRITTEN = /^[A-Za-z0-9\-_.~$&+,/:;=@!'()*[\]%]*$/

export const awsBuiltins: Builtins = {
  'providers.aws.sign_req': (evaluation, request, config, time) =>
    signedRequest(evaluation, objectOperand(request), objectOperand(config), int64Of(time)),
}

interface Account {
  readonly service: string
  readonly accessKey: string
  readonly secretKey: string
  readonly region: string
  readonly sessionToken: string
  readonly isBodySigned: boolean
}

function signedRequest(
  evaluation: Evaluation,
  request: RegoObject,
  config: RegoObject,
  ns: bigint,
): Value {
  const account = accountOf(config)
  for (const name of request.keys()) {
    if (!REQUEST_MEMBERS.has(name)) throw new BuiltinError('a member that no request has')
  }
  const headers = request.has('headers') ? objectOperand(request.get('headers')) : new Map()
  const url = parseUrl(stringOf(request.get('url')))
  const method = stringOf(request.get('method'))
  if (url === undefined) throw new BuiltinError('the text is no URL')
  const body = bodyOf(request)
  evaluation.spend(body.length)
  const given = new Map([...headers].map(([name, value]) => [textOf(name), textOf(value)]))
  const added = addedHeaders(account, url, body, ns)
  const signed = new Map(added)
  for (const [name, value] of given) {
    const lower = name.toLowerCase()
    if (!UNSIGNED.has(lower)) signed.set(lower, value)
  }
  const authorization = authorizationOf(account, method, url, signed, bodyHash(account, body), ns)
  return objectOf([
    ...request,
    ['headers', objectOf([...given, ['Authorization', authorization], ...added])],
  ])
}

function accountOf(config: RegoObject): Account {
  const isUnsigned = config.get('disable_payload_signing') ?? false
  if (typeof isUnsigned !== 'boolean') throw new BuiltinError('the option must be a boolean')
  return {
    service: stringOf(config.get('aws_service')),
    accessKey: stringOf(config.get('aws_access_key')),
    secretKey: stringOf(config.get('aws_secret_access_key')),
    region: stringOf(config.get('aws_region')),
    sessionToken: textOf(config.get('aws_session_token') ?? ''),
    isBodySigned: !isUnsigned,
  }
}

function textOf(value: Value): string {
  return typeof value === 'string' ? value : ''
}

function bodyOf(request: RegoObject): string {
  const raw = request.get('raw_body')
  if (raw !== undefined) return textOf(raw)
  const body = request.get('body')
  return body === undefined ? '' : goJson(jsonValue(body))
}

function addedHeaders(account: Account, url: GoUrl, body: string, ns: bigint): Map<string, string> {
  const headers = new Map([
    ['host', url.host],
    ['x-amz-date', momentText(ns)],
  ])
  if (HASHED.has(account.service)) headers.set(CONTENT_HASH, bodyHash(account, body))
  if (account.sessionToken !== '') headers.set('x-amz-security-token', account.sessionToken)
  return headers
}

function authorizationOf(
  { service, accessKey, secretKey, region }: Account,
  method: string,
  url: GoUrl,
  headers: ReadonlyMap<string, string>,
  hash: string,
  ns: bigint,
): string {
  const sorted = [...headers].sort(([a], [b]) => compare(a, b))
  const names = sorted.map(([name]) => name).join(';')
  const lines = sorted.map(([name, value]) => `${name}:${value}\n`).join('')
  const canonical = [method, pathOf(url), url.rawQuery, lines, names, hash].join('\n')
  const moment = momentText(ns)
  const day = moment.slice(0, 8)
  const scope = `${day}/${region}/${service}/aws4_request`
  const text = `${ALGORITHM}\n${moment}\n${scope}\n${sha256(canonical)}`
  let key: Buffer = Buffer.from(`AWS4${secretKey}`, 'utf8')
  for (const part of [day, region, service, 'aws4_request']) key = hmac('sha256', key, part)
  const signature = hmac('sha256', key, text).toString('hex')
  return `${ALGORITHM} Credential=${accessKey}/${scope},SignedHeaders=${names},Signature=${signature}`
}

function pathOf({ path, rawPath }: GoUrl): string {
  if (rawPath !== '' && PATH_AS_WRITTEN.test(rawPath)) return rawPath
  return path === '*' ? path : escapedPath(path)
}

function bodyHash({ isBodySigned }: Account, body: string): string {
  return isBodySigned ? sha256(body) : UNSIGNED_PAYLOAD
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}

/** Such as `20060102T150405Z`. */
function momentText(ns: bigint): string {
  const ms = ns / NS_PER_MS - (ns % NS_PER_MS < 0n ? 1n : 0n)
  return new Date(Number(ms))
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:]/g, '')
}
