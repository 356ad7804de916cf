import type { IncomingMessage } from 'node:http'
import { Protocol } from '@verdict/contract'
import { AuthzError, AuthzErrorCode } from '../errors.ts'
import {
  type Attributes,
  type DecisionRequest,
  type HttpAttributes,
  sizeOf,
  timestamp,
} from '../request.ts'

/** Where gateways ask. The path that is asked about stands behind it, or in headers. */
export const CHECK_PATH = '/check'

/** Who sets which headers; the first one of a pair is the target, the second the method. */
const TARGET_HEADERS = [
  // Caddy `forward_auth`, Traefik `forwardAuth`
  ['x-forwarded-uri', 'x-forwarded-method'],
  // nginx `auth_request`, as its documentation does it
  ['x-original-uri', 'x-original-method'],
] as const

/** What names the request: of two values the gateway and we might each believe another one. */
const ONCE: ReadonlySet<string> = new Set([
  ...TARGET_HEADERS.flat(),
  'x-forwarded-host',
  'x-forwarded-proto',
])

/** Of the connection between the gateway and us, or of the question: no part of the request. */
const NOT_OF_THE_REQUEST = new Set([
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  ...TARGET_HEADERS.flat(),
])

/**
 * Reads the question of a gateway. Where it asks `/check/a/b` the request is what it sends, with
 * the path behind `/check` (Envoy `http_service` with `path_prefix: /check`); where it asks
 * `/check` the request is in `X-Forwarded-…` or `X-Original-…` headers. The caller is a gateway
 * without a certificate: no header makes a source principal.
 * @throws {AuthzError} `question_malformed`
 */
export function readQuestion(
  message: IncomingMessage,
  target: string,
  body: Uint8Array | undefined,
): DecisionRequest {
  const receivedMs = performance.now()
  const headers = joinHeaders(message.rawHeaders)
  const isPlain = target.startsWith(`${CHECK_PATH}/`)
  if (!isPlain) requireOnce(message.rawHeaders)
  const asked = isPlain ? plainTarget(message, target, headers) : forwardedTarget(headers)
  const http = httpAttributes(message, headers, asked, body)
  const address = asked.client ?? message.socket.remoteAddress
  const attributes: Attributes = {
    ...(address === undefined
      ? undefined
      : { source: { address: { socketAddress: { address } } } }),
    request: { time: timestamp(), http },
  }
  return { protocol: Protocol.http, attributes, receivedMs, verdictIsStatus: true }
}

type Headers = ReadonlyMap<string, string>

interface Target {
  readonly method: string
  readonly path: string
  readonly host: string
  readonly scheme: string
  /** The address of the client, where the gateway tells it. */
  readonly client?: string | undefined
}

function plainTarget({ method = '' }: IncomingMessage, target: string, headers: Headers): Target {
  return {
    method,
    path: textOf(target.slice(CHECK_PATH.length)),
    host: headers.get('host') ?? '',
    scheme: headers.get('x-forwarded-proto') ?? 'http',
  }
}

/** A value may hold a comma: what came several times shows only in the lines. */
function requireOnce(raw: readonly string[]): void {
  const seen = new Set<string>()
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    if (!ONCE.has(name)) continue
    if (seen.has(name)) throw malformed(`\`${name}\` came more than once: make the gateway set it`)
    seen.add(name)
  }
}

/**
 * Gateways hand on what the client sent, so that a client can send the headers that its gateway
 * does not set. Headers of both kinds together are therefore refused, and so is a half of a pair.
 */
function forwardedTarget(headers: Headers): Target {
  const given = TARGET_HEADERS.filter((pair) => pair.some((name) => headers.has(name)))
  const [pair] = given
  if (pair === undefined || given.length > 1) {
    const found = given.length > 1 ? 'headers of both kinds' : 'no header that names the request'
    throw malformed(
      `\`${CHECK_PATH}\` came with ${found}: send X-Forwarded-Uri and X-Forwarded-Method, ` +
        'or X-Original-URI and X-Original-Method, or ask for the path behind it',
    )
  }
  const [path, method] = pair.map((name) => headers.get(name))
  if (path === undefined || method === undefined) {
    throw malformed(`of \`${pair.join('` and `')}\` one is missing: make the gateway set both`)
  }
  return {
    method,
    path,
    host: headers.get('x-forwarded-host') ?? headers.get('host') ?? '',
    scheme: headers.get('x-forwarded-proto') ?? 'http',
    // Each gateway adds its peer at the end; what stands before it, the peer may have written.
    client: headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() || undefined,
  }
}

function httpAttributes(
  message: IncomingMessage,
  headers: Headers,
  { method, path, host, scheme }: Target,
  body: Uint8Array | undefined,
): HttpAttributes {
  const size = sizeOf(headers.get('content-length'))
  const id = headers.get('x-request-id')
  const sent = [...headers].filter(([name]) => !NOT_OF_THE_REQUEST.has(name))
  return {
    ...(id === undefined ? undefined : { id }),
    method,
    headers: Object.fromEntries(sent),
    path,
    host,
    scheme,
    ...(size === 0 ? undefined : { size }),
    protocol: `HTTP/${message.httpVersion}`,
    ...bodyAttributes(body),
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** As Envoy packs it: text, or bytes where it is none. */
function bodyAttributes(
  body: Uint8Array | undefined,
): Pick<HttpAttributes, 'body' | 'rawBody'> | undefined {
  if (body === undefined || body.byteLength === 0) return undefined
  try {
    return { body: decoder.decode(body) }
  } catch {
    // Not UTF-8.
    return { rawBody: Buffer.from(body).toString('base64') }
  }
}

/** Node gives the bytes of a message as Latin-1; they are UTF-8, as they are for Envoy. */
function textOf(latin1: string): string {
  return ASCII.test(latin1) ? latin1 : Buffer.from(latin1, 'latin1').toString('utf8')
}

const ASCII = /^[ -~]*$/

/**
 * Header names in lower case; values that came several times are joined as Envoy joins them.
 * Node itself would drop all but the first `authorization`, and two readers would differ.
 */
function joinHeaders(raw: readonly string[]): Headers {
  const headers = new Map<string, string>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    const value = textOf(raw[at + 1] ?? '')
    const held = headers.get(name)
    const separator = name === 'cookie' ? '; ' : ','
    headers.set(name, held === undefined ? value : held + separator + value)
  }
  return headers
}

function malformed(message: string): AuthzError {
  return new AuthzError(AuthzErrorCode.questionMalformed, message)
}
