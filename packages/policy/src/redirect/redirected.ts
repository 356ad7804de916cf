import {
  importedFunctions,
  KIND,
  MODULE_HEADER_BYTES,
  SECTION,
  unsignedBytes,
  WasmReader,
  WasmWriter,
} from '../wasm/binary.ts'
import { functionNames } from '../wasm/function-names.ts'
import { type Bridge, bridgeBody } from './bridge.ts'
import { fractionBody } from './fraction.ts'
import { APPEND, BOOLEAN, COMPARE, ITERATE, NEW_ARRAY, REDIRECTED } from './functions.ts'
import { type CallSite, type OwnFunctions, sitesIn } from './sites.ts'

/** What a redirected module exports besides, and which of its functions that is. */
const EXPORTED = [
  ['verdict_next', ITERATE],
  ['verdict_compare', COMPARE],
  ['verdict_boolean', BOOLEAN],
] as const

/** OPA names the functions that it makes of rules by their paths, `g0.data.shop.allow`. */
const OF_RULES = /^g\d+\.|^eval$/
const GROWTH_BYTES = 1_024

/**
 * Redirects what a module does itself and otherwise than OPA: it goes through objects and sets in
 * no order, which shows where an array is made of them, and some of its built-ins differ. Calls of
 * these become calls of the host. A module without names of functions stays as it is.
 * @throws {RangeError} with what is wrong with the module
 */
export function redirected(wasm: Uint8Array): Uint8Array {
  const names = functionNames(wasm)
  const pass = new Pass(wasm, names)
  return pass.run()
}

class Pass {
  readonly #reader: WasmReader
  readonly #names: ReadonlyMap<string, number>
  readonly #ofRules = new Set<number>()
  readonly #own: OwnFunctions
  /** Functions that are added, by what they stand for. */
  readonly #bridges = new Map<number, Bridge>()
  /** The types of all functions, imported ones first. */
  readonly #types: number[] = []
  #imported = 0

  constructor(wasm: Uint8Array, names: ReadonlyMap<string, number>) {
    this.#reader = new WasmReader(wasm, MODULE_HEADER_BYTES)
    this.#names = names
    for (const [name, index] of names) if (OF_RULES.test(name)) this.#ofRules.add(index)
    const own = (name: string) => names.get(name)
    this.#own = { iterate: own(ITERATE), newArray: own(NEW_ARRAY), append: own(APPEND) }
  }

  run(): Uint8Array {
    const reader = this.#reader
    const { bytes } = reader
    const writer = new WasmWriter(bytes.length + GROWTH_BYTES)
    writer.add(bytes.subarray(0, MODULE_HEADER_BYTES))
    while (!reader.atEnd) {
      const begin = reader.at
      const id = reader.byte()
      const end = reader.unsigned() + reader.at
      const content = this.#section(id, end)
      reader.at = end
      if (content === undefined) writer.add(bytes.subarray(begin, end))
      else {
        writer.add([id])
        writer.sized(content)
      }
    }
    return writer.written()
  }

  #section(id: number, end: number): Uint8Array | undefined {
    switch (id) {
      case SECTION.import:
        this.#types.push(...importedFunctions(this.#reader))
        this.#imported = this.#types.length
        return undefined
      case SECTION.function:
        return this.#withBridges(end)
      case SECTION.export:
        return this.#withExports(end)
      case SECTION.code:
        return this.#withCalls()
      default:
        return undefined
    }
  }

  /** A function for each that is redirected, of the same type. */
  #withBridges(end: number): Uint8Array | undefined {
    const reader = this.#reader
    const count = reader.unsigned()
    const begin = reader.at
    for (let at = 0; at < count; at++) this.#types.push(reader.unsigned())
    const fraction = this.#types.length
    const fractionType = this.#types[this.#names.get(BOOLEAN) ?? -1]
    // A module of rules makes booleans; one that does not has nothing to redirect.
    if (fractionType === undefined) return undefined
    const types: number[] = [fractionType]
    for (const { name, id, operands, when } of REDIRECTED) {
      const index = this.#names.get(name)
      const host = this.#names.get(`opa_builtin${operands}`)
      if (index === undefined || host === undefined || host >= this.#imported) continue
      const type = this.#types[index]
      if (type === undefined) throw new RangeError(`its function \`${name}\` has no type`)
      const added = this.#types.length + types.length
      this.#bridges.set(index, { index: added, own: index, host, fraction, id, operands, when })
      types.push(type)
    }
    if (this.#bridges.size === 0) return undefined
    const writer = new WasmWriter(end - begin + GROWTH_BYTES)
    writer.unsigned(count + types.length)
    writer.add(reader.bytes.subarray(begin, end))
    for (const type of types) writer.unsigned(type)
    return writer.written()
  }

  #withExports(end: number): Uint8Array {
    const reader = this.#reader
    const count = reader.unsigned()
    const begin = reader.at
    const added = EXPORTED.map(([name, own]) => [name, this.#names.get(own)] as const).filter(
      ([, index]) => index !== undefined,
    )
    const writer = new WasmWriter(end - begin + GROWTH_BYTES)
    writer.unsigned(count + added.length)
    writer.add(reader.bytes.subarray(begin, end))
    for (const [name, index] of added) {
      writer.sized(Buffer.from(name))
      writer.add([KIND.function, ...unsignedBytes(index ?? 0)])
    }
    return writer.written()
  }

  #withCalls(): Uint8Array {
    const reader = this.#reader
    const { bytes } = reader
    const count = reader.unsigned()
    const writer = new WasmWriter(bytes.length - reader.at + GROWTH_BYTES)
    const added = [...this.#bridges.values()].map(bridgeBody)
    if (added.length > 0) added.unshift(fractionBody())
    writer.unsigned(count + added.length)
    for (let at = 0; at < count; at++) {
      const size = reader.unsigned()
      const begin = reader.at
      const end = begin + size
      const calls = this.#ofRules.has(this.#imported + at) ? this.#redirectedCalls(end) : []
      reader.at = end
      writer.sized(calls.length === 0 ? bytes.subarray(begin, end) : this.#body(begin, end, calls))
    }
    for (const body of added) writer.sized(body)
    return writer.written()
  }

  #redirectedCalls(end: number): CallSite[] {
    const { calls, ordered } = sitesIn(this.#reader, end, this.#own)
    return calls.filter((site) => {
      if (site.callee === this.#own.iterate)
        return this.#bridges.has(site.callee) && ordered.has(site)
      const bridge = this.#bridges.get(site.callee)
      return bridge !== undefined && (ordered.size > 0 || bridge.when !== 'ordered rules')
    })
  }

  #body(begin: number, end: number, calls: readonly CallSite[]): Uint8Array {
    const { bytes } = this.#reader
    const writer = new WasmWriter(end - begin + GROWTH_BYTES)
    let copied = begin
    for (const { at, end: behind, callee } of calls) {
      writer.add(bytes.subarray(copied, at))
      writer.unsigned(this.#bridges.get(callee)?.index ?? callee)
      copied = behind
    }
    writer.add(bytes.subarray(copied, end))
    return writer.written()
  }
}
