import { MODULE_HEADER_BYTES, SECTION, WasmReader } from './binary.ts'

const NAME_SECTION = 'name'
const FUNCTION_NAMES = 1

/**
 * The indices of functions by their names, of which the first counts, from the section of names,
 * which is there for debuggers and for OPA's own compiler (core specification 7.4.1): parts, each
 * an id, its size, its content. Empty where a module has no such section.
 *
 *     01 xx  02              names of functions, two of them
 *       00 09 "opa_abort"    function 0
 *       07 0d "opa_value_get"
 */
export function functionNames(wasm: Uint8Array): ReadonlyMap<string, number> {
  const reader = new WasmReader(wasm, MODULE_HEADER_BYTES)
  while (!reader.atEnd) {
    const id = reader.byte()
    const end = reader.unsigned() + reader.at
    if (id === SECTION.custom && reader.text() === NAME_SECTION) return inNames(reader, end)
    reader.at = end
  }
  return new Map()
}

function inNames(reader: WasmReader, end: number): Map<string, number> {
  const names = new Map<string, number>()
  while (reader.at < end) {
    const id = reader.byte()
    const bytes = reader.unsigned()
    if (id !== FUNCTION_NAMES) {
      reader.skip(bytes)
      continue
    }
    for (let count = reader.unsigned(); count > 0; count--) {
      const index = reader.unsigned()
      const name = reader.text()
      if (!names.has(name)) names.set(name, index)
    }
  }
  return names
}
