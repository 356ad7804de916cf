import { GRPC_PREFIX_BYTES } from './grpc-frame.ts'

/** Why the bytes of a stream are no plain messages. */
export type StreamFault = 'too_large' | 'compressed'

/**
 * Takes the messages of a stream out of its bytes, one at a time, so that who can't answer yet
 * leaves the rest where it is. It holds what is not taken: one chunk, and a message that is begun.
 */
export class FrameReader {
  readonly #messageBytesMax: number
  #bytes: Buffer = Buffer.alloc(0)

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax
  }

  /** True where nothing is left of what came. */
  get isEmpty(): boolean {
    return this.#bytes.byteLength === 0
  }

  add(chunk: Uint8Array): void {
    this.#bytes = this.isEmpty ? Buffer.from(chunk) : Buffer.concat([this.#bytes, chunk])
  }

  /** The next message; undefined until all of it is here. */
  next(): Uint8Array | StreamFault | undefined {
    const bytes = this.#bytes
    if (bytes.byteLength < GRPC_PREFIX_BYTES) return undefined
    if (bytes[0] !== 0) return 'compressed'
    const end = GRPC_PREFIX_BYTES + bytes.readUInt32BE(1)
    if (end - GRPC_PREFIX_BYTES > this.#messageBytesMax) return 'too_large'
    if (bytes.byteLength < end) return undefined
    this.#bytes = bytes.subarray(end)
    return bytes.subarray(GRPC_PREFIX_BYTES, end)
  }
}
