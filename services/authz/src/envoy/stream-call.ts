import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { messageOf } from '@verdict/contract'
import { FrameReader, type StreamFault } from './frame-reader.ts'
import { endWithStatus } from './grpc-call.ts'
import { frameMessage } from './grpc-frame.ts'
import {
  encodeGrpcMessage,
  GrpcError,
  GrpcStatus,
  type GrpcStatusName,
  parseGrpcTimeout,
} from './grpc-status.ts'

/** The messages of streams are names, never bodies; a longer one gets RESOURCE_EXHAUSTED. */
export const STREAM_MESSAGE_BYTES_MAX = 16 * 1024
/** `setTimeout` takes no longer ones; a deadline beyond it is none. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** The client of a stream, as its handler sees it. */
export interface StreamClient {
  /** True while the client does not read: what is sent then waits in memory, so send no more. */
  readonly blocked: boolean
  send(message: Uint8Array): void
  /** Ends the stream; by default all was well. */
  end(code?: GrpcStatusName, message?: string): void
}

/** What a handler does with a stream. A GrpcError that is thrown ends it. */
export interface StreamHandling {
  /** Not called while the client is blocked. */
  message(message: Uint8Array): void
  /** The client sends no more. */
  finished(): void
  /** The client reads again. */
  drained?(): void
  /** The server stops; the stream ends right after. */
  stopping?(): void
  /** The stream is gone, whoever ended it. */
  closed?(): void
}

export type StreamHandler = (client: StreamClient) => StreamHandling

export interface StreamCallOptions {
  readonly onEnd: (call: StreamCall) => void
  readonly onFault: (error: unknown) => void
}

const FRAME_FAULTS: Readonly<Record<StreamFault, readonly [GrpcStatusName, string]>> = {
  too_large: ['resource_exhausted', 'the message is larger than this method takes'],
  compressed: ['unimplemented', 'compressed messages are not taken: send identity'],
}

/**
 * One call with many messages on one stream. While the client does not read what it gets, nothing
 * is read of what it sends: neither side can fill our memory.
 */
export class StreamCall implements StreamClient {
  readonly #startedMs = performance.now()
  readonly #stream: ServerHttp2Stream
  readonly #handling: StreamHandling
  readonly #options: StreamCallOptions
  readonly #frames = new FrameReader(STREAM_MESSAGE_BYTES_MAX)
  #timer: NodeJS.Timeout | undefined
  /** Since when the client owes us that it reads, or that it lets go of an ended stream. */
  #owesSinceMs: number | undefined
  #asked: boolean = false
  #allHere: boolean = false
  #finished: boolean = false
  #status: readonly [GrpcStatusName, string] | undefined

  constructor(stream: ServerHttp2Stream, handler: StreamHandler, options: StreamCallOptions) {
    this.#stream = stream
    this.#options = options
    this.#handling = handler(this)
  }

  start(headers: IncomingHttpHeaders): void {
    const stream = this.#stream
    stream.on('data', (chunk: Uint8Array) => this.#receive(chunk))
    stream.on('end', () => this.#received())
    stream.on('drain', () => this.#drained())
    stream.on('close', () => this.#closed())
    const timeout = headers['grpc-timeout']
    if (typeof timeout === 'string') this.#startTimer(timeout)
  }

  get blocked(): boolean {
    return this.#stream.writableNeedDrain
  }

  send(message: Uint8Array): void {
    const stream = this.#stream
    if (this.#status !== undefined || stream.destroyed) return
    this.#respond()
    if (stream.write(frameMessage(message))) return
    this.#owesSinceMs ??= performance.now()
    stream.pause()
  }

  end(code: GrpcStatusName = 'ok', message = ''): void {
    if (this.#status !== undefined) return
    const stream = this.#stream
    this.#status = [code, message]
    this.#owesSinceMs ??= performance.now()
    // What still comes is let go.
    stream.resume()
    if (!stream.headersSent && code !== 'ok') {
      endWithStatus(stream, code, message)
      return
    }
    this.#respond()
    stream.end()
  }

  /** The server stops: who waits for more is told to ask elsewhere. */
  stop(): void {
    this.#handling.stopping?.()
    this.end('unavailable', 'the server stops')
  }

  /** Ends what the client leaves hanging since before `latestMs`. */
  sweep(latestMs: number): void {
    if (this.#owesSinceMs !== undefined) {
      // For gRPC this code is RESOURCE_EXHAUSTED; a status would wait behind what is not read.
      if (this.#owesSinceMs <= latestMs) this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    } else if (!this.#asked && this.#startedMs <= latestMs) {
      this.end('deadline_exceeded', 'the request did not arrive in time')
    }
  }

  #startTimer(text: string): void {
    const timeoutMs = parseGrpcTimeout(text)
    if (timeoutMs === undefined) this.end('internal', '`grpc-timeout` is malformed')
    else if (timeoutMs <= TIMER_MS_MAX) {
      const late = (): void => this.end('deadline_exceeded', 'the deadline of the call passed')
      this.#timer = setTimeout(late, timeoutMs)
    }
  }

  #respond(): void {
    const stream = this.#stream
    if (stream.headersSent || stream.destroyed || stream.closed) return
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    )
    stream.on('wantTrailers', () => {
      const [code, message] = this.#status ?? ['ok', '']
      stream.sendTrailers({
        'grpc-status': String(GrpcStatus[code]),
        ...(message === '' ? undefined : { 'grpc-message': encodeGrpcMessage(message) }),
      })
      // What the client still sends is not for us; a reset right now would overtake the trailers.
      if (!stream.readableEnded) setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR))
    })
  }

  #receive(chunk: Uint8Array): void {
    if (this.#status !== undefined) return
    this.#frames.add(chunk)
    this.#handle()
  }

  #received(): void {
    this.#allHere = true
    this.#handle()
  }

  #drained(): void {
    if (this.#status !== undefined) return
    this.#owesSinceMs = undefined
    this.#handling.drained?.()
    this.#handle()
    if (!this.blocked) this.#stream.resume()
  }

  /** Hands on what is here, until the client is blocked. */
  #handle(): void {
    try {
      while (this.#status === undefined && !this.blocked) {
        const message = this.#frames.next()
        if (message === undefined) break
        if (typeof message === 'string') {
          this.end(...FRAME_FAULTS[message])
          return
        }
        this.#asked = true
        this.#handling.message(message)
      }
      if (this.#allHere && !this.#finished && !this.blocked) this.#finish()
    } catch (thrown) {
      if (thrown instanceof GrpcError) {
        this.end(thrown.code, thrown.message)
        return
      }
      this.#options.onFault(thrown)
      this.end('internal', `internal: ${messageOf(thrown)}`)
    }
  }

  #finish(): void {
    if (this.#status !== undefined) return
    this.#finished = true
    if (this.#frames.isEmpty) this.#handling.finished()
    else this.end('internal', 'the message ended before its length was reached')
  }

  #closed(): void {
    this.#status ??= ['ok', '']
    clearTimeout(this.#timer)
    this.#handling.closed?.()
    this.#options.onEnd(this)
  }
}
