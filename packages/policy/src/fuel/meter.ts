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
import { OP } from '../wasm/instructions.ts'
import { counting, I32 } from './counting.ts'

/** What a metered module exports besides: two globals, and a function where it has it by name. */
const FUEL_EXPORT = 'verdict_fuel'
const STACK_EXPORT = 'verdict_stack'
const GET_EXPORT = 'verdict_get'
const GET_FUNCTION = 'opa_value_get'

const MUTABLE = 1
/** Until its host sets it: enough to start. */
const FUEL_INITIALLY = [0xff, 0xff, 0xff, 0xff, 0x07]
/** LLVM's linker keeps the pointer to the module's own stack in the first global. */
const STACK_POINTER = 0
const GROWTH_MAX = 1.5
/**
 * What the module makes costs more than what it does, since the machine must find memory for it:
 * measured, ten allocations take as long as a hundred calls.
 */
const ALLOCATOR = 'opa_malloc'
const ALLOCATION_WEIGHT = 10

/**
 * Makes a module count what it does: at the begin of each function that calls others and of each
 * turn of a loop it takes a weight, mostly 1, from the exported global `verdict_fuel`, and traps
 * where nothing is left. Between two such places lies straight code only, so that a module cannot
 * run for longer than its fuel lasts.
 *
 * The module's stack pointer is exported too, so that its host can put it back after a trap, and
 * the function that looks up a key in a value. No function changes its index: the sections of
 * code, globals and exports change, no other one.
 * @throws {RangeError} with what is wrong with the module
 */
export function metered(wasm: Uint8Array): Uint8Array {
  const reader = new WasmReader(wasm, MODULE_HEADER_BYTES)
  const writer = new WasmWriter(Math.ceil(wasm.length * GROWTH_MAX))
  writer.add(wasm.subarray(0, MODULE_HEADER_BYTES))
  const facts: Facts = {
    parameters: [],
    types: [],
    imported: 0,
    allocator: undefined,
    fuel: undefined,
  }
  while (!reader.atEnd) {
    const begin = reader.at
    const id = reader.byte()
    const end = reader.unsigned() + reader.at
    const content = rewritten(id, reader, end, facts)
    if (content === undefined) {
      reader.skip(end - reader.at)
      writer.add(wasm.subarray(begin, end))
      continue
    }
    if (reader.at !== end) throw new RangeError(`its section ${id} is not of the size that it says`)
    writer.add([id])
    writer.sized(content)
  }
  return writer.written()
}

/** What later sections need of earlier ones. */
interface Facts {
  /** How many parameters a function of each type has. */
  readonly parameters: number[]
  /** The type of each function that has code. */
  readonly types: number[]
  /** How many functions are imported: their indices come first. */
  imported: number
  /** The index of the function that all memory comes from. */
  allocator: number | undefined
  /** The index of the new global, once the globals have been read. */
  fuel: number | undefined
}

function rewritten(
  id: number,
  reader: WasmReader,
  end: number,
  facts: Facts,
): Uint8Array | undefined {
  switch (id) {
    case SECTION.type:
      readTypes(reader, facts)
      return undefined
    case SECTION.import:
      facts.imported = importedFunctions(reader).length
      return undefined
    case SECTION.function:
      for (let count = reader.unsigned(); count > 0; count--) facts.types.push(reader.unsigned())
      return undefined
    case SECTION.global:
      return withFuel(reader, end, facts)
    case SECTION.export:
      return withExports(reader, end, facts)
    case SECTION.code:
      return withCounting(reader, facts)
    default:
      return undefined
  }
}

/** `60`, then the types of parameters and results, each a byte. */
function readTypes(reader: WasmReader, { parameters }: Facts): void {
  for (let count = reader.unsigned(); count > 0; count--) {
    reader.byte()
    const taken = reader.unsigned()
    parameters.push(taken)
    reader.skip(taken)
    reader.skip(reader.unsigned())
  }
}

/** Of each global its type, whether it can change, and the code that gives its first value. */
function withFuel(reader: WasmReader, end: number, facts: Facts): Uint8Array {
  const count = reader.unsigned()
  const begin = reader.at
  const [type, mutability] = [reader.byte(), reader.byte()]
  if (type !== I32 || mutability !== MUTABLE) throw new RangeError('it has no stack pointer')
  reader.skip(end - reader.at)
  facts.fuel = count
  const writer = new WasmWriter(end - begin + 16)
  writer.unsigned(count + 1)
  writer.add(reader.bytes.subarray(begin, end))
  writer.add([I32, MUTABLE, OP.i32Const, ...FUEL_INITIALLY, OP.end])
  return writer.written()
}

function withExports(reader: WasmReader, end: number, facts: Facts): Uint8Array {
  const count = reader.unsigned()
  const begin = reader.at
  for (let at = 0; at < count; at++) {
    const name = reader.text()
    const kind = reader.byte()
    const index = reader.unsigned()
    if (name === ALLOCATOR && kind === KIND.function) facts.allocator = index
  }
  const added: [name: string, kind: number, index: number][] = [
    [FUEL_EXPORT, KIND.global, fuelOf(facts)],
    [STACK_EXPORT, KIND.global, STACK_POINTER],
  ]
  const get = functionNames(reader.bytes).get(GET_FUNCTION)
  if (get !== undefined) added.push([GET_EXPORT, KIND.function, get])
  const writer = new WasmWriter(end - begin + 128)
  writer.unsigned(count + added.length)
  writer.add(reader.bytes.subarray(begin, end))
  for (const [name, kind, index] of added) {
    writer.sized(Buffer.from(name))
    writer.add([kind, ...unsignedBytes(index)])
  }
  return writer.written()
}

function withCounting(reader: WasmReader, facts: Facts): Uint8Array {
  const fuel = fuelOf(facts)
  const count = reader.unsigned()
  const writer = new WasmWriter(reader.bytes.length - reader.at)
  writer.unsigned(count)
  for (let at = 0; at < count; at++) {
    const end = reader.unsigned() + reader.at
    const parameters = facts.parameters[facts.types[at] ?? -1]
    if (parameters === undefined) throw new RangeError(`its function ${at} has no type`)
    const weight = facts.imported + at === facts.allocator ? ALLOCATION_WEIGHT : undefined
    writer.sized(counting(reader, end, { parameters, weight, fuel }))
  }
  return writer.written()
}

function fuelOf({ fuel }: Facts): number {
  if (fuel === undefined) throw new RangeError('it has no globals, or has them too late')
  return fuel
}
