import type { Exports } from './program.ts'
import { readValue } from './value/read.ts'
import { numberOf, type Value } from './value/value.ts'
import { writeValue } from './value/write.ts'
import type { MemoryTexts } from './wasm-memory.ts'

/** What OPA's modules keep of a value (ABI 1.3): its type in the first byte, then what is here. */
const TYPE = { null: 1, boolean: 2, number: 3, string: 4, array: 5 }
/** Constants have types of their own, and are kept alike. */
const CONSTANT = { string: 8, boolean: 9 }
const BOOLEAN = { value: 1 }
const NUMBER = { kind: 1, integer: 8, text: 8, length: 12 }
const INTEGER = 1
const STRING = { length: 4, text: 8 }
const ARRAY = { elements: 4, length: 8 }
/** An element is its index and its value. */
const ELEMENT = { bytes: 8, value: 4 }

/** Values of a module, which it holds in its memory and we know by their address. */
export class ModuleValues {
  readonly #exports: Exports
  readonly #texts: MemoryTexts

  constructor(exports: Exports, texts: MemoryTexts) {
    this.#exports = exports
    this.#texts = texts
  }

  /** What is simple is read where it is; an object or a set goes by its text. */
  read(address: number): Value {
    const { memory } = this.#texts
    switch (memory.getUint8(address)) {
      case TYPE.null:
        return null
      case TYPE.boolean:
      case CONSTANT.boolean:
        return memory.getUint8(address + BOOLEAN.value) !== 0
      case TYPE.number:
        return this.#readNumber(address)
      case TYPE.string:
      case CONSTANT.string:
        return this.#readText(address, STRING)
      case TYPE.array:
        return this.#readArray(address)
      default:
        return this.#readByText(address)
    }
  }

  #readNumber(address: number): Value {
    const { memory } = this.#texts
    if (memory.getUint8(address + NUMBER.kind) !== INTEGER) {
      return numberOf(this.#readText(address, NUMBER))
    }
    const integer = memory.getBigInt64(address + NUMBER.integer, true)
    const number = Number(integer)
    return Number.isSafeInteger(number) ? number : integer
  }

  #readText(address: number, at: { readonly text: number; readonly length: number }): string {
    const { memory } = this.#texts
    const length = memory.getUint32(address + at.length, true)
    return this.#texts.slice(memory.getUint32(address + at.text, true), length)
  }

  /** One that nests goes by its text, whose reader bounds how deep. */
  #readArray(address: number): Value {
    const { memory } = this.#texts
    const length = memory.getUint32(address + ARRAY.length, true)
    const elements = memory.getUint32(address + ARRAY.elements, true)
    const values: Value[] = []
    for (let at = 0; at < length; at++) {
      const element = elements + at * ELEMENT.bytes + ELEMENT.value
      const value = memory.getUint32(element, true)
      if (memory.getUint8(value) === TYPE.array) return this.#readByText(address)
      values.push(this.read(value))
    }
    return values
  }

  #readByText(address: number): Value {
    const text = this.#exports.opa_value_dump(address)
    const value = readValue(this.#texts.read(text))
    this.#exports.opa_free(text)
    return value
  }

  /** The address of a value. */
  make(value: Value): number {
    const { verdict_boolean: boolean } = this.#exports
    if (typeof value === 'boolean' && boolean !== undefined) return boolean(value ? 1 : 0)
    return this.write(writeValue(value))
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
