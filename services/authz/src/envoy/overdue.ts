import type { ServerHttp2Session } from 'node:http2'
import type { GrpcCall } from './grpc-call.ts'

/** How often clients are looked after, within the time that they have. */
const SWEEPS_PER_TIMEOUT = 10

/**
 * Ends what clients leave hanging: a connection that says nothing, a request that does not go on,
 * an answer that is not taken. Each may take as long as the timeout; one timer looks after all.
 */
export class Overdue implements Disposable {
  readonly #timeoutMs: number
  readonly #calls: Iterable<GrpcCall>
  /** Since when connections have not said a word of HTTP/2. */
  readonly #silent = new Map<ServerHttp2Session, number>()
  readonly #timer: NodeJS.Timeout

  /** `calls` are in the order of their start. */
  constructor(timeoutMs: number, calls: Iterable<GrpcCall>) {
    this.#timeoutMs = timeoutMs
    this.#calls = calls
    this.#timer = setInterval(() => this.#sweep(), timeoutMs / SWEEPS_PER_TIMEOUT).unref()
  }

  watch(session: ServerHttp2Session): void {
    const forget = (): boolean => this.#silent.delete(session)
    this.#silent.set(session, performance.now())
    session.once('remoteSettings', forget).once('close', forget)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #sweep(): void {
    const latestMs = performance.now() - this.#timeoutMs
    for (const [session, sinceMs] of this.#silent) {
      if (sinceMs > latestMs) break
      session.destroy()
    }
    for (const call of this.#calls) {
      if (call.startedMs > latestMs) break
      const { answeredMs } = call
      if (answeredMs !== undefined && answeredMs <= latestMs) call.cut()
      else if (!call.received) call.fail('deadline_exceeded', 'the request did not arrive in time')
    }
  }
}
