import http2, {
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import { type CallOptions, endWithStatus, GrpcCall, type UnaryHandler } from './grpc-call.ts'

/** The default of opa-envoy-plugin; a longer message gets RESOURCE_EXHAUSTED. */
export const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
/** Streams beyond this many on one connection wait at the client. */
export const STREAMS_MAX = 1_000
/** Connections beyond this many are closed at once. */
export const CONNECTIONS_MAX = 1_024
/** A request that is not here after this long gets DEADLINE_EXCEEDED. */
export const RECEIVE_TIMEOUT_MS = 10_000
/** What one stream may send before we read: larger than the bodies that Envoy usually attaches. */
const STREAM_WINDOW_BYTES = 256 * 1024
/** What all streams of one connection may send before we read. */
const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024
/** Longer headers end the stream. */
const HEADER_BYTES_MAX = 64 * 1024
/** More headers end the stream. */
const HEADERS_MAX = 128
/** The memory of one connection; beyond it the connection is closed. */
const SESSION_MEGABYTES_MAX = 64
/**
 * A caller whose timeouts fire resets its streams; by Node's defaults the thousandth reset closes
 * the connection, and with it every call in flight. The burst is allowed at once, the rate for
 * ever; more than that is an attack, and closes the connection.
 */
const STREAM_RESET_BURST = 100_000
const STREAM_RESETS_PER_S = 10_000
/** A client that is gone without a word is noticed by the probes of TCP. */
const KEEP_ALIVE_PROBE_MS = 30_000
/**
 * Streams that came although as many were open as may be; each is refused. Node counts them over
 * the whole life of a connection, which for an Envoy is weeks, and closes it at the hundredth by
 * its defaults: refusing has no cost that needs such an end.
 */
const STREAMS_REFUSED_MAX = 2 ** 31 - 1
/** How often late requests are looked for, within the time that they have. */
const SWEEPS_PER_TIMEOUT = 10

export interface GrpcServerOptions {
  /** By path, such as `/grpc.health.v1.Health/Check`. */
  readonly methods: Readonly<Record<string, UnaryHandler>>
  /** Default: MESSAGE_BYTES_MAX. */
  readonly messageBytesMax?: number
  /** Default: RECEIVE_TIMEOUT_MS. */
  readonly receiveTimeoutMs?: number
  /** TLS on every connection. Default: none. */
  readonly tls?: TlsOptions
  readonly onFault: (error: unknown) => void
}

/**
 * A gRPC server for unary methods, straight on HTTP/2. It takes no compressed
 * messages and no reflection; each limit is a constant above.
 */
export class GrpcServer {
  readonly #methods: ReadonlyMap<string, UnaryHandler>
  readonly #callOptions: CallOptions
  readonly #receiveTimeoutMs: number
  readonly #server: Http2Server | Http2SecureServer
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #calls = new Set<GrpcCall>()
  #sweeper: NodeJS.Timeout | undefined

  constructor(options: GrpcServerOptions) {
    this.#methods = new Map(Object.entries(options.methods))
    this.#receiveTimeoutMs = options.receiveTimeoutMs ?? RECEIVE_TIMEOUT_MS
    this.#callOptions = {
      messageBytesMax: options.messageBytesMax ?? MESSAGE_BYTES_MAX,
      onEnd: (call) => this.#calls.delete(call),
      onFault: options.onFault,
    }
    this.#server = createServer(options.tls)
    this.#server.on('session', (session) => this.#open(session))
    this.#server.on('stream', (stream, headers) => this.#take(stream, headers))
    // A connection that breaks is the client's matter; its calls end with it.
    this.#server.on('sessionError', () => undefined)
  }

  /** Calls that are not answered yet. */
  get calls(): number {
    return this.#calls.size
  }

  async listen(address: { readonly host: string; readonly port: number }): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(address, resolve)
    await promise
    this.#server.off('error', reject)
    this.#server.on('error', this.#callOptions.onFault)
    const intervalMs = this.#receiveTimeoutMs / SWEEPS_PER_TIMEOUT
    this.#sweeper = setInterval(() => this.#sweep(), intervalMs).unref()
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
    clearInterval(this.#sweeper)
    const closed = Promise.withResolvers<void>()
    this.#server.close(() => closed.resolve())
    const ended = [...this.#sessions].map(
      (session) => new Promise((resolve) => session.once('close', resolve)),
    )
    for (const session of this.#sessions) session.close()
    const cut = setTimeout(() => {
      for (const session of this.#sessions) session.destroy()
    }, timeoutMs)
    await Promise.all([closed.promise, ...ended])
    clearTimeout(cut)
  }

  #open(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    session.on('close', () => this.#sessions.delete(session))
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
      endWithStatus(stream, 'unimplemented', `this server has no method \`${path}\``)
      return
    }
    const call = new GrpcCall(stream, handler, this.#callOptions)
    this.#calls.add(call)
    call.start(headers)
  }

  #sweep(): void {
    const latestMs = performance.now() - this.#receiveTimeoutMs
    for (const call of this.#calls) {
      // Calls are in the order of their start.
      if (call.startedMs > latestMs) break
      if (!call.received) call.fail('deadline_exceeded', 'the request did not arrive in time')
    }
  }
}

function createServer(tls: TlsOptions | undefined): Http2Server | Http2SecureServer {
  const limits: http2.ServerOptions = {
    settings: {
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxConcurrentStreams: STREAMS_MAX,
      maxHeaderListSize: HEADER_BYTES_MAX,
      enablePush: false,
    },
    maxHeaderListPairs: HEADERS_MAX,
    maxSessionMemory: SESSION_MEGABYTES_MAX,
    maxSessionRejectedStreams: STREAMS_REFUSED_MAX,
    streamResetBurst: STREAM_RESET_BURST,
    streamResetRate: STREAM_RESETS_PER_S,
  }
  const server =
    tls === undefined
      ? http2.createServer(limits)
      : http2.createSecureServer({ ...tls, ...limits, allowHTTP1: false, ALPNProtocols: ['h2'] })
  server.maxConnections = CONNECTIONS_MAX
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_PROBE_MS)
  })
  return server
}

function isGrpc(contentType: string): boolean {
  return (
    contentType === 'application/grpc' || /^application\/grpc(\+proto)?\s*(;|$)/i.test(contentType)
  )
}
