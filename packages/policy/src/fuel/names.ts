import { MODULE_HEADER_BYTES, SECTION, WasmReader } from '../wasm-binary.ts'

const NAME_SECTION = 'name'
const FUNCTION_NAMES = 1

/**
 * The index of the function that has a name in the section of names, which is there for debuggers
 * and for OPA's own compiler (core specification 7.4.1): parts, each an id, its size, its content.
 *
 *     01 xx  02              names of functions, two of them
 *       00 09 "opa_abort"    function 0
 *       07 0d "opa_value_get"
 */
export function functionNamed(wasm: Uint8Array, name: string): number | undefined {
  const reader = new WasmReader(wasm, MODULE_HEADER_BYTES)
  while (!reader.atEnd) {
    const id = reader.byte()
    const end = reader.unsigned() + reader.at
    if (id === SECTION.custom && reader.text() === NAME_SECTION) return inNames(reader, end, name)
    reader.skip(end - reader.at)
  }
  return undefined
}

function inNames(reader: WasmReader, end: number, name: string): number | undefined {
  while (reader.at < end) {
    const id = reader.byte()
    const bytes = reader.unsigned()
    if (id !== FUNCTION_NAMES) {
      reader.skip(bytes)
      continue
    }
    for (let count = reader.unsigned(); count > 0; count--) {
      const index = reader.unsigned()
      if (reader.text() === name) return index
    }
  }
  return undefined
}
