import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { messageOf } from '@verdict/contract'
import type { ByteBudget } from '@verdict/service'
import { FrameCollector, type FrameFault, frameMessage } from './grpc-frame.ts'
import {
  encodeGrpcMessage,
  GrpcError,
  GrpcStatus,
  type GrpcStatusName,
  parseGrpcTimeout,
} from './grpc-status.ts'

/** What a handler may ask of the call it works for. */
export interface UnaryCall {
  /** True as soon as nobody waits for the answer: reset by the client, or past its deadline. */
  readonly gone: boolean
  /** By `grpc-timeout`, on the clock of `performance.now()`. */
  readonly deadlineMs?: number | undefined
}

/** Takes one message and answers one, or throws a GrpcError. */
export type UnaryHandler = (
  message: Uint8Array,
  call: UnaryCall,
) => Uint8Array | Promise<Uint8Array>

export interface CallOptions {
  readonly messageBytesMax: number
  readonly answerBytesMax: number
  /** Holds messages that come in several pieces, of all calls. */
  readonly received: ByteBudget
  readonly onEnd: (call: GrpcCall) => void
  /** A handler threw something that is no GrpcError: the client is told only that. */
  readonly onFault: (error: unknown) => void
}

const FRAME_FAULTS: Readonly<Record<FrameFault, readonly [GrpcStatusName, string]>> = {
  too_large: ['resource_exhausted', 'the message is larger than this server takes'],
  compressed: ['unimplemented', 'compressed messages are not taken: send identity'],
  several: ['unimplemented', 'this method takes one message, and more came'],
  none: ['unimplemented', 'this method takes one message, and none came'],
  truncated: ['internal', 'the message ended before its length was reached'],
}

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' } as const
const OK_TRAILERS = { 'grpc-status': '0' } as const
const WITH_TRAILERS = { waitForTrailers: true } as const
const END = { endStream: true } as const
/** `setTimeout` takes no longer ones; a deadline beyond it is none. */
const TIMER_MS_MAX = 2 ** 31 - 1

const MS_PER_S = 1_000

/** One unary call on one stream. */
export class GrpcCall implements UnaryCall {
  readonly startedMs = performance.now()
  /** Counted from when the headers were here. */
  deadlineMs: number | undefined
  /** False until the whole message is here. */
  received: boolean = false
  /** When the answer was given to the connection. */
  answeredMs: number | undefined
  readonly #stream: ServerHttp2Stream
  readonly #handler: UnaryHandler
  readonly #options: CallOptions
  readonly #frames: FrameCollector
  #timer: NodeJS.Timeout | undefined
  #heldBytes = 0
  #answered: boolean = false

  constructor(stream: ServerHttp2Stream, handler: UnaryHandler, options: CallOptions) {
    this.#stream = stream
    this.#handler = handler
    this.#options = options
    this.#frames = new FrameCollector(options.messageBytesMax)
  }

  /** Also by the clock: in a blocked event loop no timer fires, and a late answer is no answer. */
  get gone(): boolean {
    return this.#answered || this.#isLate()
  }

  start(headers: IncomingHttpHeaders): void {
    const stream = this.#stream
    stream.on('data', (chunk: Uint8Array) => this.#receive(chunk))
    stream.on('end', () => this.#received())
    stream.on('close', () => this.#closed())
    const timeout = headers['grpc-timeout']
    if (typeof timeout === 'string') this.#startTimer(timeout)
  }

  /** Ends the call with a status and no message. */
  fail(code: GrpcStatusName, message: string, retryAfterMs?: number): void {
    if (this.#answered) return
    this.#answered = true
    this.answeredMs = performance.now()
    endWithStatus(this.#stream, code, message, retryAfterMs)
  }

  /** Ends a call whose answer is not taken. */
  cut(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  #startTimer(text: string): void {
    const timeoutMs = parseGrpcTimeout(text)
    if (timeoutMs === undefined) {
      this.fail('internal', '`grpc-timeout` is malformed')
      return
    }
    if (timeoutMs > TIMER_MS_MAX) return
    this.deadlineMs = this.startedMs + timeoutMs
    this.#timer = setTimeout(() => this.#failLate(), timeoutMs)
  }

  #isLate(): boolean {
    return this.deadlineMs !== undefined && performance.now() >= this.deadlineMs
  }

  #failLate(): void {
    this.fail('deadline_exceeded', 'the deadline of the call passed')
  }

  #receive(chunk: Uint8Array): void {
    if (this.#answered) return
    const fault = this.#frames.add(chunk)
    if (fault !== undefined) this.fail(...FRAME_FAULTS[fault])
    else if (!this.#frames.isWhole) this.#hold(chunk.byteLength)
  }

  #hold(bytes: number): void {
    if (this.#options.received.take(bytes)) this.#heldBytes += bytes
    else this.fail('resource_exhausted', 'too much of unfinished messages is held: ask again later')
  }

  #received(): void {
    if (this.#answered) return
    if (this.#isLate()) {
      this.#failLate()
      return
    }
    this.received = true
    const message = this.#frames.end()
    if (typeof message === 'string') {
      this.fail(...FRAME_FAULTS[message])
      return
    }
    try {
      const answer = this.#handler(message, this)
      if (answer instanceof Uint8Array) this.#answer(answer)
      else answer.then(this.#answer, this.#refuse)
    } catch (thrown) {
      this.#refuse(thrown)
    }
  }

  readonly #answer = (message: Uint8Array): void => {
    if (this.#answered) return
    if (this.#isLate()) {
      this.#failLate()
      return
    }
    if (message.byteLength > this.#options.answerBytesMax) {
      this.#failLarge(message.byteLength)
      return
    }
    this.#answered = true
    this.answeredMs = performance.now()
    const stream = this.#stream
    stream.respond(RESPONSE_HEADERS, WITH_TRAILERS)
    stream.on('wantTrailers', () => stream.sendTrailers(OK_TRAILERS))
    stream.end(frameMessage(message))
  }

  #failLarge(bytes: number): void {
    const { answerBytesMax, onFault } = this.#options
    const why = `an answer of ${bytes} bytes is more than a client takes (${answerBytesMax})`
    onFault(new GrpcError('resource_exhausted', why))
    this.fail('resource_exhausted', why)
  }

  readonly #refuse = (thrown: unknown): void => {
    if (thrown instanceof GrpcError) {
      this.fail(thrown.code, thrown.message, thrown.retryAfterMs)
      return
    }
    this.#options.onFault(thrown)
    this.fail('internal', `internal: ${messageOf(thrown)}`)
  }

  #closed(): void {
    this.#answered = true
    clearTimeout(this.#timer)
    this.#options.received.give(this.#heldBytes)
    this.#options.onEnd(this)
  }
}

/** Answers with headers only, and takes no more of the request. */
export function endWithStatus(
  stream: ServerHttp2Stream,
  code: GrpcStatusName,
  message: string,
  retryAfterMs?: number,
): void {
  if (stream.destroyed || stream.closed) return
  const headers: Record<string, string | number> = {
    ...RESPONSE_HEADERS,
    'grpc-status': String(GrpcStatus[code]),
    'grpc-message': encodeGrpcMessage(message),
  }
  // A client that compresses learns from it what it may send instead.
  if (code === 'unimplemented') headers['grpc-accept-encoding'] = 'identity'
  if (retryAfterMs !== undefined) {
    headers['grpc-retry-pushback-ms'] = String(retryAfterMs)
    // For those on the way that read HTTP alone.
    headers['retry-after'] = String(Math.ceil(retryAfterMs / MS_PER_S))
  }
  stream.respond(headers, END)
  // What the client still sends would fill the window, and the stream would stay.
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
}
