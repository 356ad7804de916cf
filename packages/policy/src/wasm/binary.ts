/** The ids of the sections of a module (WebAssembly core specification 5.5.2). */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  global: 6,
  export: 7,
  code: 10,
  data: 11,
} as const

/** What an import or an export is. */
export const KIND = { function: 0, table: 1, memory: 2, global: 3 } as const

/** `\0asm` and the version come before the first section. */
export const MODULE_HEADER_BYTES = 8

/** Reads the binary format of modules, from any place in it. */
export class WasmReader {
  readonly bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  get atEnd(): boolean {
    return this.at >= this.bytes.byteLength
  }

  /** @throws {RangeError} beyond the end, as everything here: no loop goes on there */
  byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new RangeError('it ends too early')
    return byte
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

  /** A number of either sign, of which only the length matters. */
  skipNumber(): void {
    while (this.byte() >= 0x80);
  }

  skip(bytes: number): void {
    this.at += bytes
    if (this.at > this.bytes.byteLength) throw new RangeError('it ends too early')
  }

  /** A name, such as that of an export: its size, then UTF-8. */
  text(): string {
    const bytes = this.unsigned()
    this.skip(bytes)
    return Buffer.from(this.bytes.subarray(this.at - bytes, this.at)).toString('utf8')
  }
}

/** Collects bytes, in a buffer that doubles as it fills. */
export class WasmWriter {
  #bytes: Uint8Array
  #length = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  add(bytes: ArrayLike<number> & Iterable<number>): void {
    const length = this.#length + bytes.length
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2))
      grown.set(this.written())
      this.#bytes = grown
    }
    this.#bytes.set(bytes, this.#length)
    this.#length = length
  }

  unsigned(value: number): void {
    this.add(unsignedBytes(value))
  }

  /** A section or a body of code: its size comes before it. */
  sized(content: Uint8Array): void {
    this.unsigned(content.length)
    this.add(content)
  }
}

/** LEB128, as `WasmReader.unsigned` reads it. */
export function unsignedBytes(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
  return bytes
}

/**
 * Reads a section of imports: the types of the functions in it, whose indices come first.
 * @throws {RangeError} where a module of OPA would import something else
 */
export function importedFunctions(reader: WasmReader): number[] {
  const types: number[] = []
  for (let count = reader.unsigned(); count > 0; count--) {
    reader.skip(reader.unsigned())
    reader.skip(reader.unsigned())
    const kind = reader.byte()
    if (kind === KIND.memory) {
      // Its least size, and where the flag is set its most.
      if (reader.byte() % 2 === 1) reader.unsigned()
      reader.unsigned()
    } else if (kind === KIND.function) types.push(reader.unsigned())
    else throw new RangeError('it imports something that is neither a function nor a memory')
  }
  return types
}
