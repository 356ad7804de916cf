import http2, { type Http2SecureServer, type Http2Server } from 'node:http2'
import type { Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'

/** Streams beyond this many on one connection wait at the client. */
export const STREAMS_MAX = 1_000
/** Connections beyond this many are closed at once. */
export const CONNECTIONS_MAX = 1_024
/** What one stream may send before we read: larger than the bodies that Envoy usually attaches. */
export const STREAM_WINDOW_BYTES = 256 * 1024
/** What all streams of one connection may send before we read. */
export const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024
/** Longer headers end the stream. */
export const HEADER_BYTES_MAX = 64 * 1024
/** More headers end the stream. */
export const HEADERS_MAX = 128
/** The memory of one connection; beyond it the connection is closed. */
export const SESSION_MEGABYTES_MAX = 64
/**
 * A caller whose timeouts fire resets its streams; by Node's defaults the thousandth reset closes
 * the connection, and with it every call in flight. The burst is allowed at once, the rate for
 * ever; more than that is an attack, and closes the connection.
 */
export const STREAM_RESET_BURST = 100_000
export const STREAM_RESETS_PER_S = 10_000
/** A client that is gone without a word is noticed by the probes of TCP. */
const KEEP_ALIVE_PROBE_MS = 30_000
/**
 * Streams that came although as many were open as may be; each is refused. Node counts them over
 * the whole life of a connection, which for an Envoy is weeks, and by its defaults closes it at
 * the hundredth, or at the thousandth before the client knew of the limit, as an invalid frame:
 * refusing has no cost that needs such an end.
 */
const STREAMS_REFUSED_MAX = 2 ** 31 - 1

/** An HTTP/2 server that bounds what its clients can make it hold and do. */
export function createHttp2Server(tls: TlsOptions | undefined): Http2Server | Http2SecureServer {
  const limits: http2.ServerOptions = {
    settings: {
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxConcurrentStreams: STREAMS_MAX,
      maxHeaderListSize: HEADER_BYTES_MAX,
      enablePush: false,
    },
    maxHeaderListPairs: HEADERS_MAX,
    maxSessionMemory: SESSION_MEGABYTES_MAX,
    maxSessionInvalidFrames: STREAMS_REFUSED_MAX,
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
