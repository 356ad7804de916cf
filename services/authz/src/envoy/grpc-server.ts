import http2, {
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import { ByteBudget } from '@verdict/service'
import { type CallOptions, endWithStatus, GrpcCall, type UnaryHandler } from './grpc-call.ts'
import { CONNECTION_WINDOW_BYTES, createHttp2Server } from './http2-server.ts'
import { Overdue } from './overdue.ts'
import type { StreamHandler } from './stream-call.ts'
import { StreamCalls } from './stream-calls.ts'

/** The default of opa-envoy-plugin; a longer message gets RESOURCE_EXHAUSTED. */
export const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
/** What clients take by default; a longer answer becomes RESOURCE_EXHAUSTED. */
export const ANSWER_BYTES_MAX = 4 * 1024 * 1024
/**
 * A request that is not here after this long gets DEADLINE_EXCEEDED; a connection that has said
 * nothing, and a call whose answer is not taken, are cut off.
 */
export const RECEIVE_TIMEOUT_MS = 10_000
/**
 * What messages that come in several pieces may hold together, until they are answered; who would
 * hold more gets RESOURCE_EXHAUSTED. A message in one DATA frame is never refused for it.
 */
export const RECEIVED_BYTES_MAX = 256 * 1024 * 1024

export interface GrpcServerOptions {
  /** By path, such as `/grpc.health.v1.Health/Check`. */
  readonly methods: Readonly<Record<string, UnaryHandler>>
  /** Methods that send or take many messages, by path. Default: none. */
  readonly streams?: Readonly<Record<string, StreamHandler>>
  /** Default: MESSAGE_BYTES_MAX. */
  readonly messageBytesMax?: number
  /** Default: ANSWER_BYTES_MAX. */
  readonly answerBytesMax?: number
  /** Default: RECEIVE_TIMEOUT_MS. */
  readonly receiveTimeoutMs?: number
  /** Default: RECEIVED_BYTES_MAX. */
  readonly receivedBytesMax?: number
  /** TLS on every connection. Default: none. */
  readonly tls?: TlsOptions
  readonly onFault: (error: unknown) => void
}

/**
 * A gRPC server straight on HTTP/2: the short way for unary methods, and one beside it for those
 * of many messages. It takes no compressed messages; each limit is a constant above, or of
 * http2-server.ts and stream-calls.ts.
 */
export class GrpcServer {
  readonly #methods: ReadonlyMap<string, UnaryHandler>
  readonly #streams: ReadonlyMap<string, StreamHandler>
  readonly #callOptions: CallOptions
  readonly #server: Http2Server | Http2SecureServer
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #calls = new Set<GrpcCall>()
  readonly #streamCalls: StreamCalls
  readonly #overdue: Overdue

  constructor(options: GrpcServerOptions) {
    this.#methods = new Map(Object.entries(options.methods))
    this.#streams = new Map(Object.entries(options.streams ?? {}))
    this.#callOptions = {
      messageBytesMax: options.messageBytesMax ?? MESSAGE_BYTES_MAX,
      answerBytesMax: options.answerBytesMax ?? ANSWER_BYTES_MAX,
      received: new ByteBudget(options.receivedBytesMax ?? RECEIVED_BYTES_MAX),
      onEnd: (call) => this.#calls.delete(call),
      onFault: options.onFault,
    }
    const timeoutMs = options.receiveTimeoutMs ?? RECEIVE_TIMEOUT_MS
    this.#overdue = new Overdue(timeoutMs, this.#calls)
    this.#streamCalls = new StreamCalls(timeoutMs, options.onFault)
    this.#server = createHttp2Server(options.tls)
    this.#server.on('session', (session) => this.#open(session))
    this.#server.on('stream', (stream, headers) => this.#take(stream, headers))
    // A connection that breaks is the client's matter; its calls end with it.
    this.#server.on('sessionError', () => undefined)
  }

  /** Calls that are not answered yet. */
  get calls(): number {
    return this.#calls.size + this.#streamCalls.size
  }

  async listen(address: { readonly host: string; readonly port: number }): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(address, resolve)
    await promise
    this.#server.off('error', reject)
    this.#server.on('error', this.#callOptions.onFault)
    return (this.#server.address() as AddressInfo).port
  }

  /** Takes a new certificate, where the server has one. */
  setSecureContext(options: SecureContextOptions): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext(options)
  }

  /** Serves a connection that came in elsewhere; `stop` ends it with the others. */
  inject(socket: Socket): void {
    this.#server.emit('connection', socket)
  }

  /**
   * Takes no new connections and says GOAWAY on those that are there: the client asks elsewhere,
   * and what we have begun is answered. After the timeout the rest is cut off.
   */
  async stop(timeoutMs: number): Promise<void> {
    this.#overdue[Symbol.dispose]()
    const closed = Promise.withResolvers<void>()
    this.#server.close(() => closed.resolve())
    const ended = [...this.#sessions].map(
      (session) => new Promise((resolve) => session.once('close', resolve)),
    )
    for (const session of this.#sessions) session.close()
    this.#streamCalls.stop()
    const cut = setTimeout(() => {
      for (const session of this.#sessions) session.destroy()
    }, timeoutMs)
    await Promise.all([closed.promise, ...ended])
    clearTimeout(cut)
  }

  #open(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    session.on('close', () => this.#sessions.delete(session))
    this.#overdue.watch(session)
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
  }

  #take(stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
    // The reason is in `close`, which every call listens to.
    stream.on('error', () => undefined)
    const type = headers['content-type']
    if (headers[':method'] !== 'POST' || type === undefined || !isGrpc(type)) {
      stream.respond({ ':status': headers[':method'] === 'POST' ? 415 : 405 }, { endStream: true })
      stream.close(http2.constants.NGHTTP2_NO_ERROR)
      return
    }
    const path = headers[':path'] ?? ''
    const handler = this.#methods.get(path)
    if (handler === undefined) {
      this.#takeStream(stream, headers, path)
      return
    }
    const call = new GrpcCall(stream, handler, this.#callOptions)
    this.#calls.add(call)
    call.start(headers)
  }

  #takeStream(stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders, path: string): void {
    const handler = this.#streams.get(path)
    if (handler === undefined) {
      endWithStatus(stream, 'unimplemented', `this server has no method \`${path}\``)
      return
    }
    this.#streamCalls.start(stream, headers, handler)
  }
}

function isGrpc(contentType: string): boolean {
  return (
    contentType === 'application/grpc' || /^application\/grpc(\+proto)?\s*(;|$)/i.test(contentType)
  )
}
