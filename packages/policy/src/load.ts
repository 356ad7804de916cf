import { HOST_BUILTINS } from './builtins/registry.ts'
import type { Bundle } from './bundle.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import { loadFault } from './faults.ts'
import { Instance } from './instance.ts'
import { DEFAULT_MEMO_BYTES_MAX, Memo } from './memo/memo.ts'
import { isSound } from './memo/sound.ts'
import type { Plan } from './plan/plan.ts'
import { readJson } from './plan/read-json.ts'
import { readsOf } from './plan/reads.ts'
import { type Asking, type LoadedPolicy, WasmPolicy } from './policy.ts'
import { compileProgram } from './program.ts'

/** A policy and one evaluation fit into this, or the decision fails. */
export const DEFAULT_MEMORY_BYTES_MAX = 256 * 1024 ** 2
/** What a byte of the data's JSON may take in a module: 10 are usual, with its text. */
const BYTES_PER_DATA_BYTE = 16

export interface LoadOptions {
  /** With the data; default `DEFAULT_MEMORY_BYTES_MAX` and sixteen times the JSON of the data. */
  readonly memoryBytesMax?: number
  /** For answers that are remembered; 0 for none; default `DEFAULT_MEMO_BYTES_MAX`. */
  readonly memoBytesMax?: number
}

/** Makes a policy of a bundle. @throws {PolicyError} */
export async function loadPolicy(bundle: Bundle, options: LoadOptions = {}): Promise<LoadedPolicy> {
  const forData = bundle.data.byteLength * BYTES_PER_DATA_BYTE
  const { memoryBytesMax = DEFAULT_MEMORY_BYTES_MAX + forData } = options
  const askings = askingsOf(bundle, options.memoBytesMax ?? DEFAULT_MEMO_BYTES_MAX)
  try {
    const program = await compileProgram(bundle.wasm, { memoryBytesMax, builtins: HOST_BUILTINS })
    return new WasmPolicy(bundle, new Instance(program, bundle.data), askings)
  } catch (cause) {
    throw loadFault(bundle, cause, memoryBytesMax)
  }
}

/** The entrypoints share the room for what is remembered. @throws {PolicyError} `bundle_malformed` */
function askingsOf(
  { revision, entrypoints, plan: bytes }: Bundle,
  memoBytesMax: number,
): Map<string, Asking> {
  const plan = JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan
  const bytesMax = memoBytesMax / entrypoints.length
  return new Map(
    entrypoints.map((entrypoint) => {
      const reads = readsOf(plan, entrypoint)
      if (reads === undefined) throw planMissing(revision, entrypoint)
      const write = readJson(reads.input)
      return [entrypoint, isSound(reads) ? { write, memo: new Memo(bytesMax) } : { write }]
    }),
  )
}

function planMissing(revision: string, entrypoint: string): PolicyError {
  return new PolicyError(
    PolicyErrorCode.bundleMalformed,
    `the plan of policy \`${revision}\` has no entrypoint \`${entrypoint}\`: build it again`,
  )
}
