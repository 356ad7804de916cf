import { KIND, MODULE_HEADER_BYTES, SECTION, WasmReader } from './wasm/binary.ts'

export const WASM_PAGE_BYTES = 64 * 1024

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
  const reader = new WasmReader(wasm, MODULE_HEADER_BYTES)
  try {
    while (!reader.atEnd) {
      const section = reader.byte()
      const bytes = reader.unsigned()
      if (section === SECTION.import) return memoryImport(reader)
      reader.skip(bytes)
    }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
  }
  return undefined
}

function memoryImport(reader: WasmReader): number | undefined {
  for (let imports = reader.unsigned(); imports > 0; imports--) {
    reader.skip(reader.unsigned())
    reader.skip(reader.unsigned())
    const kind = reader.byte()
    if (kind === KIND.memory) {
      reader.byte()
      return reader.unsigned()
    }
    if (kind !== KIND.function) return undefined
    reader.unsigned()
  }
  return undefined
}

/** A character of JavaScript takes at most so many bytes as UTF-8. */
const BYTES_PER_CHAR_MAX = 3

/** The memory of an instance cannot hold what it must. */
export class MemoryShort extends Error {
  override readonly name = 'MemoryShort'
}

/** Texts in the memory of an instance, which has all of it from its start. */
export class MemoryTexts {
  /** All of it. */
  readonly memory: DataView
  readonly #bytes: Buffer

  constructor(memory: WebAssembly.Memory) {
    this.memory = new DataView(memory.buffer)
    this.#bytes = Buffer.from(memory.buffer)
  }

  /** Writes a text as UTF-8; how many bytes it took. @throws {MemoryShort} */
  write(text: string, address: number): number {
    const room = this.#bytes.length - address
    // The bound of a character is three times too high for most texts: only then it is counted.
    if (text.length * BYTES_PER_CHAR_MAX > room && Buffer.byteLength(text) > room) {
      throw new MemoryShort('the memory has no room for a text')
    }
    return this.#bytes.write(text, address, 'utf8')
  }

  /** Reads a text of so many bytes. */
  slice(address: number, bytes: number): string {
    return this.#bytes.toString('utf8', address, address + bytes)
  }

  /** Reads a text up to its end, a byte of zero. */
  read(address: number): string {
    return this.#bytes.toString('utf8', address, this.#bytes.indexOf(0, address))
  }
}
