import { connect, type Socket } from 'node:net'
import { answerFrames, FRAME, frame, requestFrames, START } from './http2-frames.ts'
import { TurnedAway } from './load.ts'

/** What the server may send before we take note of it, on one stream and on the connection. */
const TAKEN_NOTE_BYTES = 16 * 1024

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  /** An answer with a message; without one it is a status that is no OK. */
  hasMessage: boolean
}

/**
 * One HTTP/2 connection for unary gRPC calls that are all alike. A client that does as little as
 * it can: what it spends on the cores that it shares with the server counts as the server's
 * latency.
 */
export class GrpcConnection {
  readonly #socket: Socket
  readonly #head: Buffer
  readonly #body: Buffer
  readonly #waiting = new Map<number, Waiting>()
  #stream = 1
  #unread: Buffer = Buffer.alloc(0)
  #taken = 0
  #out: Buffer[] = []

  constructor(port: number, path: string, message: Uint8Array) {
    const { head, body } = requestFrames(path, message)
    this.#head = head
    this.#body = body
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true)
    this.#socket.write(START)
    this.#socket.on('data', (bytes) => this.#receive(bytes))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the connection was closed')))
  }

  async call(): Promise<void> {
    if (this.#socket.destroyed) throw new Error('the connection is closed')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.set(this.#stream, { resolve, reject, hasMessage: false })
    for (const each of [this.#head, this.#body]) {
      const bytes = Buffer.from(each)
      bytes.writeUInt32BE(this.#stream, FRAME.streamAt)
      this.#send(bytes)
    }
    this.#stream += 2
    return await promise
  }

  end(): void {
    this.#socket.removeAllListeners('close').destroy()
  }

  /** What is sent in one turn of the event loop goes out in one write. */
  #send(bytes: Buffer): void {
    if (this.#out.push(bytes) > 1) return
    setImmediate(() => {
      const out = this.#out
      this.#out = []
      if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(out))
    })
  }

  #receive(bytes: Buffer): void {
    const all = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes])
    let end = 0
    for (const answer of answerFrames(all)) {
      end = answer.end
      this.#take(answer)
    }
    this.#unread = all.subarray(end)
    if (this.#taken < TAKEN_NOTE_BYTES) return
    const note = Buffer.alloc(4)
    note.writeUInt32BE(this.#taken)
    this.#taken = 0
    this.#send(frame(FRAME.windowUpdate, 0, 0, note))
  }

  #take({ type, flags, stream, payload }: ReturnType<typeof answerFrames>[number]): void {
    if (type === FRAME.ping && (flags & FRAME.ack) === 0) {
      this.#send(frame(FRAME.ping, FRAME.ack, 0, payload))
    }
    if (type === FRAME.settings && (flags & FRAME.ack) === 0) {
      this.#send(frame(FRAME.settings, FRAME.ack, 0))
    }
    const waiting = this.#waiting.get(stream)
    if (waiting === undefined) return
    if (type === FRAME.data) {
      this.#taken += payload.length
      waiting.hasMessage = true
    }
    const isReset = type === FRAME.reset
    if (!isReset && (type === FRAME.windowUpdate || (flags & FRAME.endStream) === 0)) return
    this.#waiting.delete(stream)
    if (waiting.hasMessage && !isReset) waiting.resolve()
    else waiting.reject(new TurnedAway('the answer has no message'))
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
