import type { ServerOptions as HttpsServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { messageOf } from '@verdict/contract'
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify'
import type { Registry } from 'prom-client'
import { ByteBudget } from './byte-budget.ts'
import { HTTP_STATUS, HttpError, HttpErrorCode } from './errors.ts'
import type { Health } from './health.ts'

/** A longer body is refused with 413. */
export const BODY_BYTES_MAX = 1024 * 1024
/** Longer headers are refused with 431. */
export const HEADER_BYTES_MAX = 64 * 1024
/** More headers are refused with 431. */
export const HEADERS_MAX = 200
/** A longer path parameter is not found. */
export const PARAM_CHARS_MAX = 500
/** A request whose headers and body are not here after this long gets 408. */
export const REQUEST_TIMEOUT_MS = 10_000
/** A connection on which nothing moves for this long is closed, unless a handler is at work. */
export const CONNECTION_TIMEOUT_MS = 60_000
/** Longer than the idle timeout that proxies use by default, so that they close first. */
export const KEEP_ALIVE_TIMEOUT_MS = 75_000
/** Connections beyond this many are closed at once. */
export const CONNECTIONS_MAX = 4096
/** Bytes of bodies that a process holds; who would send more gets 503. */
export const BODIES_BYTES_MAX = 256 * 1024 * 1024

/** Where the reasons go that callers are not told, such as a `Logger`. */
export interface HttpLog {
  error(fields: { event: string; err: unknown }, message: string): void
}

export interface HttpOptions {
  readonly log: HttpLog
  readonly metrics: Registry
  readonly health: Health
  /** Default: BODY_BYTES_MAX. */
  readonly bodyBytesMax?: number
  /** Default: BODIES_BYTES_MAX. */
  readonly bodiesBytesMax?: number
  /** Default: REQUEST_TIMEOUT_MS. */
  readonly requestTimeoutMs?: number
  /** Default: CONNECTION_TIMEOUT_MS. An endpoint that streams sends something more often. */
  readonly connectionTimeoutMs?: number
  /** TLS on every connection. Default: none. */
  readonly tls?: HttpsServerOptions
}

/** The body of every answer that is an error. */
export interface HttpErrorBody {
  readonly error: { readonly code: string; readonly message: string }
}

/** A server with limits, errors in one form, `/healthz`, `/readyz` and `/metrics`. */
export function createHttp(options: HttpOptions): FastifyInstance {
  const requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
  const serverOptions = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: requestTimeoutMs,
    // Node looks for late requests only this often.
    connectionsCheckingInterval: Math.min(requestTimeoutMs, 1000),
  }
  const { tls } = options
  const http = fastify({
    bodyLimit: options.bodyBytesMax ?? BODY_BYTES_MAX,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: options.connectionTimeoutMs ?? CONNECTION_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: PARAM_CHARS_MAX },
    ...(tls === undefined
      ? { http: serverOptions }
      : { https: { ...tls, ...serverOptions } as unknown as null }),
    frameworkErrors: (error, _request, reply) => refusePath(error, reply),
    clientErrorHandler: refuseBytes,
  })
  http.server.maxHeadersCount = HEADERS_MAX
  http.server.maxConnections = CONNECTIONS_MAX
  http.setErrorHandler((error, _request, reply) => sendError(options.log, error, reply))
  http.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]
    const message = `nothing answers ${request.method} \`${path}\``
    return reply.code(404).send(errorBody(HttpErrorCode.notFound, message))
  })
  endConnectionsOnClose(http)
  boundBodies(http, new ByteBudget(options.bodiesBytesMax ?? BODIES_BYTES_MAX))
  addOperationRoutes(http, options)
  return http
}

export function errorBody(code: string, message: string): HttpErrorBody {
  return { error: { code, message } }
}

function addOperationRoutes(http: FastifyInstance, { health, metrics }: HttpOptions): void {
  http.get('/healthz', async () => ({ status: 'alive' }))
  http.get('/readyz', async (_request, reply) => {
    const { ok, checks } = health.report()
    return reply.code(ok ? 200 : 503).send({ status: ok ? 'ready' : 'not_ready', checks })
  })
  http.get('/metrics', async (_request, reply) => {
    const text = await metrics.metrics()
    return reply.type(metrics.contentType).send(text)
  })
}

/**
 * A connection that is busy when the server begins to close would stay open until its idle timeout
 * after that, and the server with it.
 */
function endConnectionsOnClose(http: FastifyInstance): void {
  let closing = false
  http.addHook('preClose', async () => {
    closing = true
  })
  http.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close')
  })
  // For those whose headers were on their way by then.
  http.addHook('onResponse', async () => {
    if (closing) setImmediate(() => http.server.closeIdleConnections())
  })
}

/** Counts what has come of all bodies until their requests end. */
function boundBodies(http: FastifyInstance, budget: ByteBudget): void {
  http.addHook('preParsing', ({ headers }, reply, payload, done) => {
    const hasBody = 'content-length' in headers || 'transfer-encoding' in headers
    if (!hasBody) return done(null, payload)
    let held = 0
    payload.on('data', (chunk: Uint8Array) => {
      if (budget.take(chunk.byteLength)) held += chunk.byteLength
      else payload.emit('error', BODIES_TOO_LARGE)
    })
    reply.raw.once('close', () => budget.give(held))
    done(null, payload)
  })
}

/** One error for all: a stack and a line of the log for each would add to what it is about. */
const BODIES_TOO_LARGE = new HttpError(
  HttpErrorCode.unavailable,
  'the bodies of all requests are more than this process holds',
)

/** The framework's own message would repeat the whole path. */
function refusePath(error: unknown, reply: FastifyReply): FastifyReply {
  const tooLong = statusOf(error) === HTTP_STATUS.uri_too_long
  const refusal = tooLong
    ? errorBody(
        HttpErrorCode.uriTooLong,
        `a part of the path is over ${PARAM_CHARS_MAX} characters`,
      )
    : errorBody(HttpErrorCode.badRequest, 'the path is malformed')
  return reply.code(tooLong ? 414 : 400).send(refusal)
}

/** Below 500 the caller is told why; from 500 on only that, because the rest is ours. */
function sendError(log: HttpLog, error: unknown, reply: FastifyReply): FastifyReply {
  const status = statusOf(error)
  if (status < 500) {
    const code = error instanceof HttpError ? error.code : codeOf(status)
    return reply.code(status).send(errorBody(code, messageOf(error)))
  }
  if (error !== BODIES_TOO_LARGE) {
    log.error({ event: 'http_failed', err: error }, 'a request failed')
  }
  const [code, message] =
    status === HTTP_STATUS.unavailable
      ? [HttpErrorCode.unavailable, 'the service is not ready, stops, or has no room: ask again']
      : [HttpErrorCode.internal, 'the service failed: its log says why']
  return reply.code(status).send(errorBody(code, message))
}

function statusOf(error: unknown): number {
  if (error instanceof HttpError) return HTTP_STATUS[error.code]
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : 500
}

function codeOf(status: number): HttpErrorCode {
  const codes = Object.values(HttpErrorCode)
  return codes.find((code) => HTTP_STATUS[code] === status) ?? HttpErrorCode.badRequest
}

/** Answers bytes that are no HTTP request; there is no reply object for them. */
function refuseBytes(error: Error & { code?: string }, socket: Socket): void {
  // Before the handshake is done, what is written waits for it, for ever.
  const isHandshaking = socket instanceof TLSSocket && socket.getFinished() === undefined
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable || isHandshaking) {
    socket.destroy()
    return
  }
  const [code, phrase, message] = refusalOf(error.code)
  const body = JSON.stringify(errorBody(code, message))
  socket.end(
    `HTTP/1.1 ${HTTP_STATUS[code]} ${phrase}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  )
}

function refusalOf(code: string | undefined): [code: HttpErrorCode, phrase: string, why: string] {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [HttpErrorCode.requestTimeout, 'Request Timeout', 'the request did not arrive in time']
    case 'HPE_HEADER_OVERFLOW':
      return [
        HttpErrorCode.headersTooLarge,
        'Request Header Fields Too Large',
        `the headers are more than ${HEADERS_MAX}, or longer than ${HEADER_BYTES_MAX} bytes`,
      ]
    default:
      return [HttpErrorCode.badRequest, 'Bad Request', 'this is not an HTTP request']
  }
}
