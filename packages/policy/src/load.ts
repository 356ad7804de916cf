import { fetchBuiltins } from './builtins/http.ts'
import { HOST_BUILTINS } from './builtins/registry.ts'
import type { Bundle } from './bundle/bundle.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import { loadFault } from './faults.ts'
import { fetchingEntrypoints, refuseCalls } from './fetch/calls.ts'
import type { Fetcher } from './fetch/fetcher.ts'
import { FetchingPolicy } from './fetch/fetching-policy.ts'
import { Instance } from './instance.ts'
import type { LabelsReport } from './labels/report.ts'
import { DEFAULT_MEMO_BYTES_MAX, Memo } from './memo/memo.ts'
import { isSound } from './memo/sound.ts'
import type { Plan } from './plan/plan.ts'
import { readJson } from './plan/read-json.ts'
import { readsOf } from './plan/reads.ts'
import { replacesPartOfInput } from './plan/replaced-input.ts'
import { type Asking, type LoadedPolicy, WasmPolicy } from './policy.ts'
import { compileProgram } from './program.ts'

/** A policy and one evaluation fit into this, or the decision fails. */
export const DEFAULT_MEMORY_BYTES_MAX = 256 * 1024 ** 2
/** What a byte of the data's JSON may take in a module: 10 are usual, with its text. */
const BYTES_PER_DATA_BYTE = 16

/** Where no plan tells what is read, all of the input may be, and nothing is remembered. */
const WHOLE: Asking = { write: readJson('all'), data: 'all', objectOnly: false }

export interface LoadOptions {
  /** With the data; default `DEFAULT_MEMORY_BYTES_MAX` and sixteen times the JSON of the data. */
  readonly memoryBytesMax?: number
  /** For answers that are remembered; 0 for none; default `DEFAULT_MEMO_BYTES_MAX`. */
  readonly memoBytesMax?: number
  /** Asks other services for the policy; without it one that would ask them is refused. */
  readonly fetcher?: Fetcher | undefined
}

/** Makes a policy of a bundle. @throws {PolicyError} */
export async function loadPolicy(bundle: Bundle, options: LoadOptions = {}): Promise<LoadedPolicy> {
  const forData = bundle.data.byteLength * BYTES_PER_DATA_BYTE
  const { memoryBytesMax = DEFAULT_MEMORY_BYTES_MAX + forData } = options
  const { fetcher } = options
  refuseCalls(bundle, { allowFetch: fetcher !== undefined })
  const builtins = fetcher === undefined ? HOST_BUILTINS : { ...HOST_BUILTINS, ...fetchBuiltins }
  const askings = askingsOf(bundle, options.memoBytesMax ?? DEFAULT_MEMO_BYTES_MAX)
  try {
    const labels = labelsOf(bundle)
    const program = await compileProgram(bundle.wasm, { memoryBytesMax, builtins, labels })
    const policy = new WasmPolicy(bundle, new Instance(program, bundle.data), askings)
    if (fetcher !== undefined) {
      const rules = fetchingEntrypoints(bundle)
      if (rules.size > 0) policy.fetching = new FetchingPolicy(policy, rules, fetcher)
    }
    return policy
  } catch (cause) {
    throw loadFault(bundle, cause, memoryBytesMax)
  }
}

/** The entrypoints share the room for what is remembered. @throws {PolicyError} `bundle_malformed` */
function askingsOf(
  { revision, entrypoints, plan: bytes }: Bundle,
  memoBytesMax: number,
): Map<string, Asking> {
  if (bytes === undefined) return new Map(entrypoints.map((entrypoint) => [entrypoint, WHOLE]))
  const plan = JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan
  const bytesMax = memoBytesMax / entrypoints.length
  const objectOnly = replacesPartOfInput(plan)
  return new Map(
    entrypoints.map((entrypoint) => {
      const reads = readsOf(plan, entrypoint)
      if (reads === undefined) throw planMissing(revision, entrypoint)
      const asking: Asking = { write: readJson(reads.input), data: reads.data, objectOnly }
      return [entrypoint, isSound(reads) ? { ...asking, memo: new Memo(bytesMax) } : asking]
    }),
  )
}

/** @throws {SyntaxError | TypeError} where they are no labels */
function labelsOf({ labels }: Bundle): readonly string[] {
  if (labels === undefined) return []
  const { names } = JSON.parse(Buffer.from(labels).toString('utf8')) as LabelsReport
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  throw new TypeError('the labels of its rules are no texts')
}

function planMissing(revision: string, entrypoint: string): PolicyError {
  return new PolicyError(
    PolicyErrorCode.bundleMalformed,
    `the plan of policy \`${revision}\` has no entrypoint \`${entrypoint}\`: build it again`,
  )
}
