import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { endWithStatus } from './grpc-call.ts'
import { StreamCall, type StreamHandler } from './stream-call.ts'

/** Streams of many messages on one connection; one more gets RESOURCE_EXHAUSTED. */
export const STREAM_CALLS_PER_CONNECTION_MAX = 16
/** Such streams of all connections; one more gets RESOURCE_EXHAUSTED. */
export const STREAM_CALLS_MAX = 1_024
/** How often clients are looked after, within the time that they have. */
const SWEEPS_PER_TIMEOUT = 10

/** The calls with many messages, as many as may be: each may stay for as long as its client. */
export class StreamCalls {
  readonly #calls = new Set<StreamCall>()
  readonly #perSession = new WeakMap<Http2Session, number>()
  readonly #onFault: (error: unknown) => void
  readonly #timer: NodeJS.Timeout

  constructor(timeoutMs: number, onFault: (error: unknown) => void) {
    this.#onFault = onFault
    this.#timer = setInterval(() => {
      const latestMs = performance.now() - timeoutMs
      for (const call of this.#calls) call.sweep(latestMs)
    }, timeoutMs / SWEEPS_PER_TIMEOUT).unref()
  }

  get size(): number {
    return this.#calls.size
  }

  start(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, handler: StreamHandler): void {
    const { session } = stream
    if (session === undefined) return
    const ofSession = this.#perSession.get(session) ?? 0
    if (ofSession >= STREAM_CALLS_PER_CONNECTION_MAX) {
      const most = `a connection has at most ${STREAM_CALLS_PER_CONNECTION_MAX} streams`
      endWithStatus(stream, 'resource_exhausted', `${most} of this kind`)
      return
    }
    if (this.#calls.size >= STREAM_CALLS_MAX) {
      endWithStatus(stream, 'resource_exhausted', 'the server has no more streams of this kind')
      return
    }
    this.#perSession.set(session, ofSession + 1)
    const call = new StreamCall(stream, handler, {
      onFault: this.#onFault,
      onEnd: () => {
        this.#calls.delete(call)
        this.#perSession.set(session, (this.#perSession.get(session) ?? 1) - 1)
      },
    })
    this.#calls.add(call)
    call.start(headers)
  }

  /** Ends all of them. */
  stop(): void {
    clearInterval(this.#timer)
    for (const call of this.#calls) call.stop()
  }
}
