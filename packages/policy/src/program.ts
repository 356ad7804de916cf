import type { Builtins } from './builtins/builtin.ts'
import { dataSegments, type Range } from './data-segments.ts'
import { metered } from './fuel/meter.ts'
import type { KeyFunctions } from './redirect/ordered-keys.ts'
import { redirected } from './redirect/redirected.ts'
import { MemoryShort, memoryPagesOf, WASM_PAGE_BYTES } from './wasm-memory.ts'

/**
 * 2 GiB: where a module's stack ends, addresses go on below 2^32, and there must be no memory
 * there.
 */
const PAGES_MAX = 2 ** 15

/** A module that is compiled, and what its instances have in common. */
export interface Program {
  readonly module: WebAssembly.Module
  /**
   * All instances have the memory that they may have from their start: what is not touched costs
   * nothing, while to grow by a page takes a millisecond, of which a module could ask thousands.
   */
  readonly memoryPages: number
  readonly builtins: Builtins
  /** The labels of its rules, by their numbers. */
  readonly labels: readonly string[]
  /** Where its constants and variables are. */
  readonly segments: readonly Range[]
}

export interface ProgramOptions {
  readonly memoryBytesMax: number
  readonly builtins: Builtins
  readonly labels: readonly string[]
}

/**
 * Compiles a module of OPA so that it counts what it does. That happens here rather than when a
 * bundle is built: a bundle holds OPA's own bytes, and the bound holds whoever built it.
 * @throws {Error} with what is wrong with the module
 */
export async function compileProgram(
  wasm: Uint8Array,
  { memoryBytesMax, builtins, labels }: ProgramOptions,
): Promise<Program> {
  const pages = memoryPagesOf(wasm)
  if (pages === undefined) throw new TypeError('it imports no memory')
  const memoryPages = Math.min(Math.floor(memoryBytesMax / WASM_PAGE_BYTES), PAGES_MAX)
  if (pages > memoryPages) throw new MemoryShort('its constants do not fit into the memory')
  const module = await WebAssembly.compile(metered(redirected(wasm)))
  return { module, memoryPages, builtins, labels, segments: dataSegments(wasm) }
}

/** What instances of OPA's modules export (ABI 1.3); addresses and sizes are numbers. */
export interface Exports extends KeyFunctions {
  /** Makes a boolean of 0 or 1. */
  verdict_boolean?(value: number): number
  readonly verdict_fuel: WebAssembly.Global
  readonly verdict_stack: WebAssembly.Global
  /** The value of a key in a value, 0 where there is none. */
  verdict_get?(value: number, key: number): number
  builtins(): number
  entrypoints(): number
  opa_eval(
    reserved: 0,
    entrypoint: number,
    data: number,
    input: number,
    inputBytes: number,
    heap: number,
    format: number,
  ): number
  opa_malloc(bytes: number): number
  opa_free(address: number): void
  opa_json_parse(address: number, bytes: number): number
  opa_json_dump(value: number): number
  opa_value_parse(address: number, bytes: number): number
  opa_value_dump(value: number): number
  opa_value_free(value: number): void
  opa_value_add_path(base: number, path: number, value: number): number
  opa_value_remove_path(base: number, path: number): number
  opa_heap_ptr_get(): number
  opa_heap_ptr_set(address: number): void
  opa_heap_blocks_stash(): void
  opa_heap_blocks_restore(): void
}

const FUNCTIONS = [
  ...['builtins', 'entrypoints', 'opa_eval', 'opa_malloc', 'opa_free', 'opa_json_parse'],
  ...['opa_json_dump', 'opa_value_parse', 'opa_value_dump', 'opa_value_free'],
  ...['opa_value_add_path', 'opa_value_remove_path', 'opa_heap_ptr_get', 'opa_heap_ptr_set'],
  ...['opa_heap_blocks_stash', 'opa_heap_blocks_restore'],
]

/** @throws {TypeError} where the module was built by an OPA that is too old */
export function exportsOf({ exports }: WebAssembly.Instance): Exports {
  const missing = FUNCTIONS.find((name) => typeof exports[name] !== 'function')
  if (missing !== undefined) {
    throw new TypeError(`it has no \`${missing}\`: build it with a newer OPA`)
  }
  return exports as unknown as Exports
}
