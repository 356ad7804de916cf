export const WASM_PAGE_BYTES = 64 * 1024

const HEADER_BYTES = 8
const IMPORT_SECTION = 2
const KIND_FUNCTION = 0
const KIND_MEMORY = 2

/**
 * The pages of memory that a module demands of its host: those that its constants fill. A module
 * begins with a header of 8 bytes; sections follow, each an id, its size and its content:
 *
 *     02 xx  03                      imports, three of them
 *       03 "env" 06 "memory" 02 00 1f    kind 2 is a memory: no maximum, at least 31 pages
 *       03 "env" 09 "opa_abort" 00 06    kind 0 is a function, of type 6
 *
 * WebAssembly core specification 5.5.5. OPA's modules import functions and one memory only.
 * Undefined where the module is not of that form.
 */
export function memoryPagesOf(wasm: Uint8Array): number | undefined {
  const reader = new Reader(wasm, HEADER_BYTES)
  while (!reader.atEnd) {
    const section = reader.byte()
    const bytes = reader.unsigned()
    if (section === IMPORT_SECTION) return memoryImport(reader)
    reader.skip(bytes)
  }
  return undefined
}

function memoryImport(reader: Reader): number | undefined {
  for (let imports = reader.unsigned(); imports > 0; imports--) {
    reader.skip(reader.unsigned())
    reader.skip(reader.unsigned())
    const kind = reader.byte()
    if (kind === KIND_MEMORY) {
      reader.byte()
      return reader.unsigned()
    }
    if (kind !== KIND_FUNCTION) return undefined
    reader.unsigned()
  }
  return undefined
}

/** A character of JavaScript takes at most so many bytes as UTF-8. */
const BYTES_PER_CHAR_MAX = 3

/** Texts in the memory of an instance. */
export class MemoryTexts {
  readonly #memory: WebAssembly.Memory
  #view: Buffer

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory
    this.#view = Buffer.from(memory.buffer)
  }

  /** The size of the memory. */
  get bytes(): number {
    return this.#memory.buffer.byteLength
  }

  /** Writes a text as UTF-8, growing the memory where it must; how many bytes it took. */
  write(text: string, address: number): number {
    const missing = address + text.length * BYTES_PER_CHAR_MAX - this.bytes
    if (missing > 0) this.#makeRoom(text, address)
    return this.#current().write(text, address, 'utf8')
  }

  /** Reads a text up to its end, a byte of zero. */
  read(address: number): string {
    const view = this.#current()
    return view.toString('utf8', address, view.indexOf(0, address))
  }

  /** The bound of `write` is three times too high for most texts: here it is worth to count. */
  #makeRoom(text: string, address: number): void {
    const missing = address + Buffer.byteLength(text) - this.bytes
    if (missing > 0) this.#memory.grow(Math.ceil(missing / WASM_PAGE_BYTES))
  }

  /** Memory that has grown is another buffer, and the one before is empty. */
  #current(): Buffer {
    const { buffer } = this.#memory
    if (this.#view.buffer !== buffer) this.#view = Buffer.from(buffer)
    return this.#view
  }
}

class Reader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.byteLength
  }

  /** Zero beyond the end, where every loop over the bytes stops. */
  byte(): number {
    return this.#bytes[this.#at++] ?? 0
  }

  /** LEB128: seven bits a byte, the lowest first, while the eighth is set. */
  unsigned(): number {
    let value = 0
    for (let weight = 1; ; weight *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * weight
      if (byte < 0x80) return value
    }
  }

  skip(bytes: number): void {
    this.#at += bytes
  }
}
