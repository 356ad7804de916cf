import { isUtf8 } from 'node:buffer'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { KNOWN_TEXT_BYTES_MAX, type KnownTexts } from './known-texts.ts'

/** The reader of the library, which takes longer over texts than over all else. */
export class TextReader extends BinaryReader {
  readonly #bytes: Buffer
  readonly #known: KnownTexts

  constructor(bytes: Uint8Array, known: KnownTexts) {
    super(bytes)
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#known = known
  }

  /** A text; one that is not UTF-8 is refused, as the protobuf specification asks. */
  text(): string {
    const length = this.uint32()
    const start = this.pos
    const end = start + length
    if (end > this.len) throw new RangeError('a text is longer than the message that holds it')
    this.pos = end
    if (length > KNOWN_TEXT_BYTES_MAX) return this.#decode(start, end)
    const known = this.#known.find(this.#bytes, start, end)
    return known ?? this.#known.keep(this.#decode(start, end))
  }

  /** Skips a field that nobody asked for. */
  passOver(tag: number): void {
    this.skip(tag & 7, tag >>> 3)
  }

  requireEnd(end: number): void {
    if (this.pos !== end) throw new RangeError('a field is longer than the message that holds it')
  }

  #decode(start: number, end: number): string {
    const text = this.#bytes.toString('utf8', start, end)
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(start, end))) {
      throw new TypeError('a text is not UTF-8')
    }
    return text
  }
}
