/** Frames of HTTP/2 (RFC 9113, sections 4 and 6), and where their fields are. */
export const FRAME = {
  data: 0x0,
  headers: 0x1,
  reset: 0x3,
  settings: 0x4,
  ping: 0x6,
  windowUpdate: 0x8,
  ack: 0x1,
  endStream: 0x1,
  endHeaders: 0x4,
  streamAt: 5,
} as const

const HEAD_BYTES = 9
const GRPC_PREFIX_BYTES = 5
/** SETTINGS_HEADER_TABLE_SIZE: 0, so that each answer can be read without those before it. */
const SETTINGS = Buffer.from([0, 1, 0, 0, 0, 0])
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
  /** Where the next one begins. */
  readonly end: number
}

export function frame(type: number, flags: number, stream: number, payload?: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUIntBE(payload?.length ?? 0, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, FRAME.streamAt)
  return payload === undefined ? head : Buffer.concat([head, payload])
}

/** What a client says first. */
export const START: Buffer = Buffer.concat([
  Buffer.from(PREFACE),
  frame(FRAME.settings, 0, 0, SETTINGS),
])

/** The two frames of a unary call, for stream 0. */
export function requestFrames(path: string, message: Uint8Array): { head: Buffer; body: Buffer } {
  const prefix = Buffer.alloc(GRPC_PREFIX_BYTES)
  prefix.writeUInt32BE(message.byteLength, 1)
  return {
    head: frame(FRAME.headers, FRAME.endHeaders, 0, headerBlock(path)),
    body: frame(FRAME.data, FRAME.endStream, 0, Buffer.concat([prefix, message])),
  }
}

/** The whole frames at the start of bytes that came in. */
export function answerFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const end = at + HEAD_BYTES + bytes.readUIntBE(at, 3)
    if (end > bytes.length) break
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + FRAME.streamAt),
      payload: bytes.subarray(at + HEAD_BYTES, end),
      end,
    })
    at = end
  }
  return frames
}

/** HPACK (RFC 7541): fields of the static table by their index, the others as they stand. */
function headerBlock(path: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x83, 0x86]), // :method: POST, :scheme: http
    Buffer.from([0x04]), // :path
    text(path),
    Buffer.from([0x01]), // :authority
    text('authz'),
    Buffer.from([0x0f, 0x10]), // content-type
    text('application/grpc'),
    Buffer.from([0x00]),
    text('te'),
    text('trailers'),
    Buffer.from([0x00]),
    text('grpc-timeout'),
    text('5S'),
  ])
}

/** A text of less than 127 bytes. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
}
