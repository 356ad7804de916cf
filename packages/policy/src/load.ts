import * as sdk from '@open-policy-agent/opa-wasm'
import type { Bundle } from './bundle.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import { exactBuffer, jsonOf } from './input-json.ts'
import { MemoryTexts, memoryPagesOf, WASM_PAGE_BYTES } from './wasm-memory.ts'

/** A policy, its data and one evaluation fit into this, or the decision fails. */
export const DEFAULT_MEMORY_BYTES_MAX = 256 * 1024 ** 2
/**
 * The memory of an instance never shrinks. One that has grown by more than this beyond its policy
 * and data is replaced after the evaluation, which took far longer than the replacement does.
 */
const MEMORY_GROWTH_BYTES_MAX = 64 * 1024 ** 2

/** The built-ins that are no part of a module and that the SDK brings. */
const HOST_BUILTINS: ReadonlySet<string> = new Set([
  'json.is_valid',
  'regex.split',
  'sprintf',
  'yaml.is_valid',
  'yaml.marshal',
  'yaml.unmarshal',
])

/** A policy that is ready to decide. */
export interface Policy {
  readonly revision: string
  readonly entrypoints: readonly string[]
  /**
   * The value of a rule for an input; `undefined` where the rule is undefined.
   * @throws {PolicyError} where there is no answer: that is never a decision
   */
  evaluate(entrypoint: string, input: object): unknown
}

export interface LoadOptions {
  /** Default `DEFAULT_MEMORY_BYTES_MAX`. */
  readonly memoryBytesMax?: number
}

/** One instance of the module, with the data in it. */
interface Instance {
  readonly texts: MemoryTexts
  evaluate(entrypoint: string, json: string): unknown
}

/** The call of ABI 1.2; what it needs is behind the data, and is forgotten by the next call. */
type OpaEval = (
  reserved: 0,
  entrypoint: number,
  data: number,
  input: number,
  inputBytes: number,
  heap: number,
  format: 0,
) => number

/** What the SDK knows of a policy that it has loaded, besides what its types name. */
interface Loaded extends Pick<sdk.LoadedPolicy, 'setData'> {
  readonly mem: WebAssembly.Memory
  readonly wasmInstance: WebAssembly.Instance
  readonly entrypoints: Readonly<Record<string, number>>
  readonly dataAddr: number
  readonly dataHeapPtr: number
}

/** The SDK's types name as exports what is there in its default export only. */
const { loadPolicySync } = (sdk as unknown as { default: typeof sdk }).default

/** Makes a policy of a bundle. @throws {PolicyError} */
export async function loadPolicy(bundle: Bundle, options: LoadOptions = {}): Promise<Policy> {
  const { memoryBytesMax = DEFAULT_MEMORY_BYTES_MAX } = options
  const initial = memoryPagesOf(bundle.wasm)
  if (initial === undefined) throw moduleRefused(bundle, 'it imports no memory')
  const memory = { initial, maximum: Math.floor(memoryBytesMax / WASM_PAGE_BYTES) }
  if (memory.initial > memory.maximum) throw tooLarge(bundle, memory)
  const module = await compile(bundle)
  const data = exactBuffer(bundle.data)
  return new WasmPolicy(bundle, () => {
    try {
      const loaded = loadPolicySync(module, memory) as unknown as Loaded
      requireBuiltins(builtinsOf(loaded))
      loaded.setData(data)
      return instanceOf(loaded)
    } catch (cause) {
      if (cause instanceof PolicyError) throw cause
      throw isMemoryFault(cause)
        ? tooLarge(bundle, memory)
        : moduleRefused(bundle, textOf(cause), cause)
    }
  })
}

class WasmPolicy implements Policy {
  readonly revision: string
  readonly entrypoints: readonly string[]
  readonly #instantiate: () => Instance
  readonly #bytesMax: number
  #instance: Instance | undefined

  constructor({ revision, entrypoints }: Bundle, instantiate: () => Instance) {
    this.revision = revision
    this.entrypoints = entrypoints
    this.#instantiate = instantiate
    this.#instance = instantiate()
    this.#bytesMax = this.#instance.texts.bytes + MEMORY_GROWTH_BYTES_MAX
  }

  evaluate(entrypoint: string, input: object): unknown {
    if (!this.entrypoints.includes(entrypoint)) throw unknownEntrypoint(entrypoint, this)
    const json = jsonOf(input)
    this.#instance ??= this.#instantiate()
    const instance = this.#instance
    let results: unknown
    try {
      results = instance.evaluate(entrypoint, json)
    } catch (cause) {
      // A trap leaves the module's own stack as deep as it was: each eats a little of it, and what
      // an instance does without a stack is no decision.
      this.#instance = undefined
      throw evaluationError(entrypoint, cause)
    }
    if (instance.texts.bytes > this.#bytesMax) this.#instance = undefined
    // No row where the rule is undefined, else one.
    return (results as readonly { readonly result: unknown }[])[0]?.result
  }
}

/**
 * The SDK's own `evaluate` copies the input twice and looks for the end of the result byte by byte:
 * this writes the one, and reads the other, where it is.
 */
function instanceOf({ mem, wasmInstance, ...loaded }: Loaded): Instance {
  const texts = new MemoryTexts(mem)
  const evaluate = wasmInstance.exports['opa_eval'] as OpaEval | undefined
  if (evaluate === undefined) throw new TypeError('it has no `opa_eval`: build it with a newer OPA')
  const { entrypoints, dataAddr: data, dataHeapPtr: behindData } = loaded
  return {
    texts,
    evaluate(entrypoint, json) {
      const bytes = texts.write(json, behindData)
      const id = entrypoints[entrypoint]
      if (id === undefined) throw new TypeError(`the module has no entrypoint \`${entrypoint}\``)
      const result = evaluate(0, id, data, behindData, bytes, behindData + bytes, 0)
      return JSON.parse(texts.read(result))
    },
  }
}

async function compile(bundle: Bundle): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bundle.wasm)
  } catch (cause) {
    throw moduleRefused(bundle, textOf(cause), cause)
  }
}

/** The names of the built-ins that the module calls in its host. */
function builtinsOf({ mem, wasmInstance }: Loaded): string[] {
  const { builtins, opa_json_dump } = wasmInstance.exports as {
    builtins: () => number
    opa_json_dump: (address: number) => number
  }
  const start = opa_json_dump(builtins())
  const bytes = Buffer.from(mem.buffer)
  return Object.keys(JSON.parse(bytes.toString('utf8', start, bytes.indexOf(0, start))))
}

function requireBuiltins(called: readonly string[]): void {
  const missing = called.filter((name) => !HOST_BUILTINS.has(name)).sort()
  if (missing.length === 0) return
  const names = missing.map((name) => `\`${name}\``).join(', ')
  throw new PolicyError(
    PolicyErrorCode.builtinUnsupported,
    `the policy needs the built-in ${names}, which is not yet supported: do without it`,
  )
}

/** The SDK throws texts and bare objects as well as errors. */
function textOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) {
    return String(thrown.message)
  }
  return String(thrown)
}

function isMemoryFault(thrown: unknown): boolean {
  return /opa_malloc: failed|Maximum memory size exceeded/.test(textOf(thrown))
}

function evaluationError(entrypoint: string, cause: unknown): PolicyError {
  if (isMemoryFault(cause)) {
    return new PolicyError(
      PolicyErrorCode.memoryExhausted,
      `the evaluation of \`${entrypoint}\` needs more memory than it may have`,
      { cause },
    )
  }
  return new PolicyError(
    PolicyErrorCode.evaluationFailed,
    `the evaluation of \`${entrypoint}\` failed: ${textOf(cause)}`,
    { cause },
  )
}

function unknownEntrypoint(entrypoint: string, { entrypoints }: Policy): PolicyError {
  return new PolicyError(
    PolicyErrorCode.entrypointUnknown,
    `\`${entrypoint}\` is no entrypoint of the policy: it was built for ${entrypoints.join(', ')}`,
  )
}

function moduleRefused({ revision }: Bundle, why: string, cause?: unknown): PolicyError {
  return new PolicyError(
    PolicyErrorCode.moduleRefused,
    `the module of policy \`${revision}\` cannot be loaded: ${why}`,
    { cause },
  )
}

function tooLarge({ revision }: Bundle, { maximum }: { maximum: number }): PolicyError {
  return new PolicyError(
    PolicyErrorCode.memoryExhausted,
    `policy \`${revision}\` and its data need more than the ${maximum * WASM_PAGE_BYTES} bytes ` +
      'of memory that they may have: make the data smaller',
  )
}
