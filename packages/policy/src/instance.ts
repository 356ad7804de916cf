import { callBuiltin } from './builtin-calls.ts'
import { type Patch, patchData, rehearse } from './data-patch.ts'
import { type Range, variablesIn } from './data-segments.ts'
import { DEFAULT_UNITS_MAX, type EvaluateOptions, RunningEvaluation } from './evaluation.ts'
import { hostImports } from './host-imports.ts'
import { HeldLabels } from './labels/held.ts'
import { type ModuleNames, readNames } from './module-names.ts'
import { ModuleValues } from './module-values.ts'
import { type Exports, exportsOf, type Program } from './program.ts'
import { REDIRECTED_BUILTINS } from './redirect/builtins.ts'
import { OrderedKeys } from './redirect/ordered-keys.ts'
import { MemoryShort, MemoryTexts } from './wasm-memory.ts'

/** What is done outside of an evaluation, such as reading the data, is bounded by its size. */
const UNITS_UNBOUND = 2 ** 31 - 1
/** For an evaluation whose answer nobody waits for. */
const WARM_UP: EvaluateOptions = { unitsMax: 1_000_000 }
/** A module writes its results as values, which tells sets from arrays. */
const FORMAT_VALUE = 1
/** What it writes: one row, or none where the rule is undefined. */
const ROW_BEGIN = '{{"result":'
const ROW_END = '}}'

/** What each evaluation begins with. */
interface Image {
  /** What is in the variables of the module. */
  readonly variables: Uint8Array
  /** The data, as a value of the module. */
  readonly data: number
  /** Where the data ends. */
  readonly heap: number
}

/**
 * One instance of a module, with the data in its memory:
 *
 *     | its stack | constants, variables | data | input, what an evaluation makes …
 *     0         stack                  base   heap
 *
 * An evaluation changes variables and what is behind the data. Both is forgotten by the next one:
 * modules keep in variables where they have made something behind the data, and would find there
 * what a later evaluation has put in its place.
 */
export class Instance {
  readonly #program: Program
  readonly #memory: WebAssembly.Memory
  readonly #bytes: Uint8Array
  readonly #exports: Exports
  readonly #texts: MemoryTexts
  readonly #values: ModuleValues
  readonly #order: OrderedKeys
  readonly #stack: number
  readonly #base: number
  readonly #names: ModuleNames
  readonly #held: HeldLabels
  /** Where the variables of the module are. */
  readonly #variables: Range
  #image: Image
  #evaluation: RunningEvaluation
  #broken: Error | undefined

  /** What the last evaluation has cost, in units. */
  spent = 0
  /** Whether that was all that it might. */
  isSpent = false
  /** How much memory it took, which the process keeps. */
  usedBytes = 0

  /** An instance with the data of another one, or with the data in this JSON. */
  constructor(program: Program, source: Instance | Uint8Array) {
    this.#program = program
    const { memoryPages: initial } = program
    this.#memory = new WebAssembly.Memory({ initial, maximum: initial })
    this.#exports = exportsOf(
      new WebAssembly.Instance(
        program.module,
        hostImports({
          memory: this.#memory,
          text: (address) => this.#texts.read(address),
          print: (line) => this.#evaluation.print(line),
          callBuiltin: (id, operands) => this.#call(id, operands),
          next: (value, previous) => this.#order.next(value, previous, this.#evaluation),
          held: () => this.#names.held,
          hear: (label) => this.#held.hear(label),
        }),
      ),
    )
    // Not before: a module that starts asks for its memory to grow by nothing, and that replaces
    // the buffer.
    this.#bytes = new Uint8Array(this.#memory.buffer)
    this.#texts = new MemoryTexts(this.#memory)
    this.#order = new OrderedKeys(this.#exports)
    this.#values = new ModuleValues(this.#exports, this.#texts)
    this.#held = new HeldLabels(program.labels, new DataView(this.#memory.buffer))
    this.#stack = this.#exports.verdict_stack.value
    this.#base = this.#exports.opa_heap_ptr_get()
    this.#evaluation = new RunningEvaluation(this.#exports.verdict_fuel, {})
    if (source instanceof Instance) {
      this.#names = source.#names
      this.#variables = source.#variables
      this.#image = source.#image
      this.#bytes.set(source.#bytes.subarray(this.#base, this.#image.heap), this.#base)
    } else {
      this.#names = readNames(this.#exports, this.#values, program.builtins)
      this.#exports.opa_heap_ptr_set(this.#base)
      // Until an evaluation has shown where they are, all between stack and data counts.
      this.#variables = { begin: this.#stack, end: this.#base }
      this.#image = this.#imageWith(this.#readData(source))
      const variables = this.#warmUp()
      this.recover()
      this.#variables = variables
      this.#image = { ...this.#image, variables: this.#copyVariables() }
    }
  }

  get entrypoints(): ReadonlyMap<string, number> {
    return this.#names.entrypoints
  }

  /** The labels of the rules that held in the last evaluation, in their order. */
  get labels(): readonly string[] {
    return this.#held.list()
  }

  /** How much memory the data takes. */
  get dataBytes(): number {
    return this.#image.heap - this.#base
  }

  /** Another one, with the same data. */
  copy(): Instance {
    return new Instance(this.#program, this)
  }

  /** The result as text; the input as JSON or as `writeValue` has it, or none. */
  evaluate(
    entrypoint: number,
    input: string | undefined,
    options: EvaluateOptions,
  ): string | undefined {
    if (this.#broken !== undefined) throw this.#broken
    const { verdict_fuel: fuel, opa_eval } = this.#exports
    const { variables, data, heap } = this.#image
    const units = options.unitsMax ?? DEFAULT_UNITS_MAX
    const bytes = input === undefined ? 0 : this.#texts.write(input, heap)
    this.#bytes.set(variables, this.#variables.begin)
    this.#evaluation = new RunningEvaluation(fuel, options)
    this.#held.clear()
    this.#order.clear()
    fuel.value = units
    try {
      const address = input === undefined ? 0 : heap
      const result = opa_eval(0, entrypoint, data, address, bytes, heap + bytes, FORMAT_VALUE)
      const text = this.#texts.read(result)
      return text.startsWith(ROW_BEGIN) ? text.slice(ROW_BEGIN.length, -ROW_END.length) : undefined
    } finally {
      const left = fuel.value
      this.isSpent = left < 0
      this.spent = units - Math.max(left, 0)
      fuel.value = UNITS_UNBOUND
      this.usedBytes = this.#exports.opa_heap_ptr_get() - heap
    }
  }

  /** After an evaluation that failed: a trap leaves the module's stack as deep as it was. */
  recover(): void {
    this.#exports.verdict_stack.value = this.#stack
    this.#bytes.set(this.#image.variables, this.#variables.begin)
  }

  /** Changes the data; whether that is possible. What throws has changed nothing. */
  patch(patch: Patch): boolean {
    const module = { exports: this.#exports, values: this.#values }
    this.#forget()
    try {
      rehearse(patch, module, this.dataBytes)
    } catch (cause) {
      this.recover()
      throw cause
    }
    this.#forget()
    this.#exports.opa_heap_blocks_restore()
    try {
      const done = patchData(patch, module, this.#image.data)
      this.#image = this.#imageWith(this.#image.data)
      return done
    } catch (cause) {
      // Against all rehearsal: by such data nothing may be decided.
      this.#broken = new Error('a change has broken its data: load the policy again', { cause })
      throw this.#broken
    }
  }

  /** What was made behind the data. */
  #forget(): void {
    this.recover()
    this.#exports.opa_heap_ptr_set(this.#image.heap)
  }

  /** From the end of the memory, where the text leaves no gap in front of the evaluations. */
  #readData(json: Uint8Array): number {
    const text = this.#bytes.byteLength - json.byteLength
    if (text < this.#base) throw new MemoryShort('the data is larger than the memory')
    this.#bytes.set(json, text)
    const data = this.#exports.opa_json_parse(text, json.byteLength)
    if (this.#exports.opa_heap_ptr_get() > text) {
      throw new MemoryShort('the data and its text do not fit into the memory together')
    }
    if (data === 0) throw new TypeError('its data is no JSON')
    return data
  }

  /** What is free behind the begin of the heap is kept for changes of the data. */
  #imageWith(data: number): Image {
    this.#exports.opa_heap_blocks_stash()
    return { variables: this.#copyVariables(), data, heap: this.#exports.opa_heap_ptr_get() }
  }

  #copyVariables(): Uint8Array {
    const { begin, end } = this.#variables
    return this.#bytes.slice(begin, end)
  }

  /**
   * Functions of a module are compiled when they are first called: that is before there is a
   * request. Where the variables are comes with it.
   */
  #warmUp(): Range {
    for (const entrypoint of this.entrypoints.values()) {
      try {
        this.evaluate(entrypoint, '{}', WARM_UP)
      } catch {
        // Without a real input that may be; it is enough that it has run.
        this.#exports.verdict_stack.value = this.#stack
      }
    }
    const statics = this.#bytes.subarray(this.#stack, this.#base)
    return variablesIn(this.#program.segments, this.#stack, this.#image.variables, statics)
  }

  #call(id: number, operands: readonly number[]): number {
    const builtin = this.#names.builtins.get(id) ?? REDIRECTED_BUILTINS.get(id)
    if (builtin === undefined) throw new TypeError(`the module calls a built-in ${id} without name`)
    return callBuiltin(builtin, operands, { values: this.#values, evaluation: this.#evaluation })
  }
}
