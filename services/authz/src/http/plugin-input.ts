import { Protocol } from '@verdict/contract'
import { parseJson } from '../body/json-text.ts'
import { AuthzError, AuthzErrorCode } from '../errors.ts'
import {
  type Attributes,
  type DecisionRequest,
  type HttpAttributes,
  sizeOf,
  timestamp,
} from '../request.ts'

/** The gateways whose plugins speak OPA's Data API, each with a form of its own. */
export type PluginGateway = 'kong' | 'apisix'

export interface PluginQuestion {
  readonly gateway: PluginGateway
  readonly request: DecisionRequest
}

/** What the two forms have in common. Nothing in it is believed before it is read. */
interface Asked {
  readonly gateway: PluginGateway
  readonly http: Fields
  /** The path as part of a URL. */
  readonly path: string
  readonly query: unknown
  readonly client: unknown
}

type Fields = Readonly<Record<string, unknown>>

/** Of the connection to the gateway. */
const NOT_OF_THE_REQUEST: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
])

/**
 * Reads what the OPA plugins of Kong and APISIX post, `{"input": {…}}`, as the request that it is
 * about. What else they may tell, such as their route or consumer, is not part of the request.
 * @throws {AuthzError} `question_malformed`
 */
export function readPluginQuestion(body: Uint8Array | undefined): PluginQuestion {
  const receivedMs = performance.now()
  const asked = askedOf(inputOf(body))
  const address = optionalText(asked.client, "the client's address")
  const attributes: Attributes = {
    ...(address === undefined
      ? undefined
      : { source: { address: { socketAddress: { address } } } }),
    request: { time: timestamp(), http: httpAttributes(asked) },
  }
  const request = { protocol: Protocol.http, attributes, receivedMs, verdictIsStatus: false }
  return { gateway: asked.gateway, request }
}

function inputOf(body: Uint8Array | undefined): Fields {
  let document: unknown
  try {
    document = parseJson(Buffer.from(body ?? []).toString('utf8'))
  } catch (cause) {
    const why = cause instanceof AuthzError ? cause.message : 'unreadable'
    throw malformed(`the question is no JSON: ${why}`, cause)
  }
  return fields(fields(document, 'the question')['input'], '`input`')
}

/** Kong has the request in `request.http`, APISIX in `request` with a `type` beside it. */
function askedOf(input: Fields): Asked {
  const request = fields(input['request'], '`input.request`')
  if (isFields(request['http'])) {
    const { http } = request
    return {
      gateway: 'kong',
      http,
      path: text(http['path'], 'path').replaceAll(/[?#]/g, encodeURIComponent),
      query: http['querystring'],
      client: input['client_ip'],
    }
  }
  if (input['type'] !== 'http') {
    throw malformed('`input` is neither what Kong nor what APISIX sends of an HTTP request')
  }
  return {
    gateway: 'apisix',
    http: request,
    // nginx has decoded this one: what would be read as an escape again is escaped.
    path: text(request['path'], 'path').replaceAll(/[%?#]/g, encodeURIComponent),
    query: request['query'],
    client: isFields(input['var']) ? input['var']['remote_addr'] : undefined,
  }
}

function httpAttributes({ http, path, query }: Asked): HttpAttributes {
  const headers = headersOf(http['headers'])
  const id = headers.get('x-request-id')
  const size = sizeOf(headers.get('content-length'))
  const body = optionalText(http['body'], 'body')
  const scheme = optionalText(http['scheme'], 'scheme')
  const host = authorityOf(headers, optionalText(http['host'], 'host') ?? '')
  // The authority has its own place; a header that differs from it stays, to be seen.
  if (headers.get('host') === host) headers.delete('host')
  const sent = [...headers].filter(([name]) => !NOT_OF_THE_REQUEST.has(name))
  return {
    ...(id === undefined ? undefined : { id }),
    method: text(http['method'], 'method'),
    headers: Object.fromEntries(sent),
    path: path + queryOf(query),
    host,
    ...(scheme === undefined ? undefined : { scheme }),
    ...(size === 0 ? undefined : { size }),
    ...(body === undefined || body === '' ? undefined : { body }),
  }
}

/** With the port that the client named; where the two differ, what the gateway goes by. */
function authorityOf(headers: ReadonlyMap<string, string>, host: string): string {
  const header = headers.get('host')
  const name = header?.replace(/:\d*$/, '').toLowerCase()
  return header !== undefined && name === host.toLowerCase() ? header : host
}

/** Several values are joined as Envoy joins them. */
function headersOf(value: unknown): Map<string, string> {
  const headers = new Map<string, string>()
  for (const [given, values] of entries(value, 'headers')) {
    const name = given.toLowerCase()
    const held = headers.get(name)
    const all = held === undefined ? values : [held, ...values]
    headers.set(name, all.join(name === 'cookie' ? '; ' : ','))
  }
  return headers
}

function queryOf(value: unknown): string {
  const pairs = entries(value, 'query').flatMap(([name, values]) =>
    values.map((one) => `${escapeQuery(name)}=${escapeQuery(one)}`),
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

function escapeQuery(part: string): string {
  try {
    return encodeURIComponent(part)
  } catch (cause) {
    throw malformed('the query has half of a surrogate pair', cause)
  }
}

/** Names with their values: a text, several, or `true` for a name without a value. */
function entries(value: unknown, what: string): [name: string, values: readonly string[]][] {
  if (value === undefined || value === null) return []
  // Lua has one empty table, which may come as an array.
  if (Array.isArray(value) && value.length === 0) return []
  return Object.entries(fields(value, `\`${what}\``)).map(([name, given]) => {
    const values = (Array.isArray(given) ? given : [given]).map((one) => (one === true ? '' : one))
    if (!values.every((one): one is string => typeof one === 'string')) {
      throw malformed(`\`${what}\` has a value that is no text: ${JSON.stringify(name)}`)
    }
    return [name, values]
  })
}

function fields(value: unknown, what: string): Fields {
  if (isFields(value)) return value
  throw malformed(`${what} is no object`)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw malformed(`\`${what}\` of the request is no text`)
}

function optionalText(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
  throw malformed(`${what} is no text`)
}

function malformed(message: string, cause?: unknown): AuthzError {
  return new AuthzError(AuthzErrorCode.questionMalformed, message, { cause })
}
