/** One byte of flags and four of length before each message (gRPC over HTTP2, section Requests). */
export const GRPC_PREFIX_BYTES = 5

/** Why the bytes of a request are not one plain message. */
export type FrameFault = 'too_large' | 'compressed' | 'several' | 'none' | 'truncated'

/**
 * Collects the bytes of a unary request until they are one message:
 *
 *     00 | 00 00 00 05 | 68 65 6c 6c 6f
 *     plain   length     the message
 *
 * What comes in one piece is not copied; what comes in many is copied into a buffer that doubles,
 * so that neither a promised length nor tiny pieces cost more than the bytes that came.
 */
export class FrameCollector {
  readonly #messageBytesMax: number
  #bytes: Uint8Array = new Uint8Array()
  #length = 0

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax
  }

  /** Takes the next bytes. A fault is told as soon as it shows, so that no more is kept. */
  add(chunk: Uint8Array): FrameFault | undefined {
    if (this.#length === 0) this.#bytes = chunk
    else this.#append(chunk)
    this.#length += chunk.byteLength
    if (this.#length < GRPC_PREFIX_BYTES) return undefined
    if (this.#bytes[0] !== 0) return 'compressed'
    const messageBytes = lengthOf(this.#bytes)
    if (messageBytes > this.#messageBytesMax) return 'too_large'
    return this.#length > GRPC_PREFIX_BYTES + messageBytes ? 'several' : undefined
  }

  /** Whether the bytes that came are the whole of one message. */
  get isWhole(): boolean {
    if (this.#length < GRPC_PREFIX_BYTES) return false
    return this.#length === GRPC_PREFIX_BYTES + lengthOf(this.#bytes)
  }

  /** The message, once all bytes are here. */
  end(): Uint8Array | FrameFault {
    if (this.#length === 0) return 'none'
    if (this.#length < GRPC_PREFIX_BYTES) return 'truncated'
    return this.isWhole ? this.#bytes.subarray(GRPC_PREFIX_BYTES, this.#length) : 'truncated'
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.byteLength
    if (needed > this.#bytes.byteLength) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.byteLength))
      grown.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = grown
    }
    this.#bytes.set(chunk, this.#length)
  }
}

/** A message with its prefix, as one DATA frame carries it. */
export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(GRPC_PREFIX_BYTES + message.byteLength)
  frame[0] = 0
  frame.writeUInt32BE(message.byteLength, 1)
  frame.set(message, GRPC_PREFIX_BYTES)
  return frame
}

function lengthOf(bytes: Uint8Array): number {
  const high = ((bytes[1] ?? 0) << 24) | ((bytes[2] ?? 0) << 16)
  return (high | ((bytes[3] ?? 0) << 8) | (bytes[4] ?? 0)) >>> 0
}
