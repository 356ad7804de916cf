import * as sdk from '@open-policy-agent/opa-wasm'
import type { Bundle } from './bundle.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import { encodeInput, exactBuffer } from './input-json.ts'
import { memoryPagesOf, WASM_PAGE_BYTES } from './wasm-memory.ts'

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

type Instance = sdk.LoadedPolicy

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
      const instance = loadPolicySync(module, memory)
      requireBuiltins(builtinsOf(instance))
      instance.setData(data)
      return instance
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
    this.#bytesMax = this.#instance.mem.buffer.byteLength + MEMORY_GROWTH_BYTES_MAX
  }

  evaluate(entrypoint: string, input: object): unknown {
    if (!this.entrypoints.includes(entrypoint)) throw unknownEntrypoint(entrypoint, this)
    const json = encodeInput(input)
    this.#instance ??= this.#instantiate()
    const instance = this.#instance
    let results: readonly { readonly result: unknown }[]
    try {
      results = instance.evaluate(json, entrypoint)
    } catch (cause) {
      // A trap leaves the module's own stack as deep as it was: each eats a little of it, and what
      // an instance does without a stack is no decision.
      this.#instance = undefined
      throw evaluationError(entrypoint, cause)
    }
    if (instance.mem.buffer.byteLength > this.#bytesMax) this.#instance = undefined
    // No row where the rule is undefined, else one.
    return results[0]?.result
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
function builtinsOf({ mem, wasmInstance }: Instance): string[] {
  const { builtins, opa_json_dump } = (wasmInstance as WebAssembly.Instance).exports as {
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
