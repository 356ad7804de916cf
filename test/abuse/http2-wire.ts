import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { waitFor } from '@verdict/kit'

/** HTTP/2 byte by byte (RFC 9113), for what no library would send. */

export const Type = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const
export const Flag = { endStream: 0x1, endHeaders: 0x4, ack: 0x1 } as const
export const Setting = { headerTableSize: 1, initialWindowSize: 4 } as const
/** The reasons of RST_STREAM and GOAWAY (RFC 9113, section 7). */
export const Reason = {
  noError: 0,
  protocolError: 1,
  flowControlError: 3,
  refusedStream: 7,
  cancel: 8,
  enhanceYourCalm: 11,
} as const

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const HEAD_BYTES = 9
/** Of a connection before the server says otherwise (RFC 9113, section 6.9.2). */
const CONNECTION_WINDOW = 65_535
/** Of a stream, as the settings of the server say. */
const STREAM_WINDOW = 256 * 1024
const DEADLINE_MS = 20_000

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** One frame: length, type, flags, stream, payload. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A frame of SETTINGS. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length)
  pairs.forEach(([id, value], at) => {
    payload.writeUInt16BE(id, 6 * at)
    payload.writeUInt32BE(value, 6 * at + 2)
  })
  return frame(Type.settings, 0, 0, payload)
}

/** A number of four bytes: the reason of a reset, the size of a window. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Headers that no table remembers (RFC 7541, section 6.2.2). */
export function headerBlock(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  const parts = headers.flatMap(([name, value]) => [
    Buffer.from([0]),
    packedText(name),
    packedText(value),
  ])
  return Buffer.concat(parts)
}

export function packedText(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([packedNumber(bytes.length), bytes])
}

/** A number in a prefix of seven bits (RFC 7541, section 5.1). */
function packedNumber(value: number): Buffer {
  if (value < 127) return Buffer.from([value])
  const bytes = [127]
  let rest = value - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

/** A connection of which every byte is ours. */
export class Wire implements Disposable {
  readonly socket: Socket
  /** What came, but for data of connections that are told not to keep it. */
  readonly frames: Frame[] = []
  #rest: Buffer = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
  }

  /** Connects, and sends the preface and settings unless asked not to. */
  static async open(port: number, first = Buffer.concat([PREFACE, settings()])): Promise<Wire> {
    const socket = connect(port, '127.0.0.1')
    const wire = new Wire(socket)
    await once(socket, 'connect')
    socket.write(first)
    return wire
  }

  get closed(): boolean {
    return this.socket.closed
  }

  /** Sends, and waits until the system has taken it; at once where the connection is closed. */
  async send(...bytes: readonly Uint8Array[]): Promise<void> {
    await new Promise<void>((resolve) => {
      this.socket.write(Buffer.concat(bytes), () => resolve())
    })
  }

  /** The first frame of which this is true, as soon as it is there. */
  async frame(what: string, matches: (frame: Frame) => boolean): Promise<Frame> {
    return await waitFor(() => this.frames.find(matches), { deadlineMs: DEADLINE_MS, what })
  }

  /** The reason with which the server ended the connection, where it came through. */
  get goawayReason(): number | undefined {
    return this.frames.find(({ type }) => type === Type.goaway)?.payload.readUInt32BE(4)
  }

  /** Waits for the end of the connection. */
  async end(): Promise<void> {
    await waitFor(() => this.closed, { deadlineMs: DEADLINE_MS, what: 'the connection to end' })
  }

  /** Waits until as many bytes of a stream may have been sent, by the windows of the server. */
  async window(stream: number, bytes: number): Promise<void> {
    const granted = (of: number): number =>
      this.frames
        .filter((one) => one.type === Type.windowUpdate && one.stream === of)
        .reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0)
    const open = (): boolean =>
      bytes <= Math.min(STREAM_WINDOW + granted(stream), CONNECTION_WINDOW + granted(0))
    await waitFor(open, { deadlineMs: DEADLINE_MS, what: `a window of ${bytes} bytes` })
  }

  /** Takes the server's settings, as every client does that means well. */
  async acknowledge(): Promise<void> {
    await this.frame('SETTINGS', ({ type, flags }) => type === Type.settings && flags === 0)
    await this.send(frame(Type.settings, Flag.ack, 0))
  }

  /** Answered by a PING: all that was sent before has been read by the server. */
  async settled(): Promise<void> {
    const payload = Buffer.from(String(this.frames.length).padStart(8, '0'))
    await this.send(frame(Type.ping, 0, 0, payload))
    await this.frame(
      'the answer to a PING',
      (one) => one.type === Type.ping && one.flags === Flag.ack && one.payload.equals(payload),
    )
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  #take(chunk: Buffer): void {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (rest.length >= HEAD_BYTES && rest.length >= HEAD_BYTES + rest.readUIntBE(0, 3)) {
      const end = HEAD_BYTES + rest.readUIntBE(0, 3)
      this.frames.push({
        type: rest[3] ?? 0,
        flags: rest[4] ?? 0,
        stream: rest.readUInt32BE(5),
        payload: rest.subarray(HEAD_BYTES, end),
      })
      rest = rest.subarray(end)
    }
    this.#rest = rest
  }
}
