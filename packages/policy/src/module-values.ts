import type { Exports } from './program.ts'
import { readValue } from './value/read.ts'
import type { Value } from './value/value.ts'
import type { MemoryTexts } from './wasm-memory.ts'

/** Values of a module, which it holds in its memory and we know by their address. */
export class ModuleValues {
  readonly #exports: Exports
  readonly #texts: MemoryTexts

  constructor(exports: Exports, texts: MemoryTexts) {
    this.#exports = exports
    this.#texts = texts
  }

  read(address: number): Value {
    const text = this.#exports.opa_value_dump(address)
    const value = readValue(this.#texts.read(text))
    this.#exports.opa_free(text)
    return value
  }

  /** Makes a value of its text, as `writeValue` and JSON have it. @throws {TypeError} of others */
  write(text: string): number {
    const bytes = Buffer.byteLength(text)
    const address = this.#exports.opa_malloc(bytes)
    this.#texts.write(text, address)
    const value = this.#exports.opa_value_parse(address, bytes)
    if (value === 0) throw new TypeError('a text is no value')
    this.#exports.opa_free(address)
    return value
  }
}
