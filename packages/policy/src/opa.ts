import { PolicyError, PolicyErrorCode } from './errors.ts'
import type { Annotation } from './labels/annotations.ts'
import { askOpa, type OpaCall, oneLine, parse, refused, some } from './opa-call.ts'
import type { Module } from './rule-index/syntax.ts'

/** `opa check`. @throws {PolicyError} `policy_refused` with file and line, or what befell opa */
export async function checkPolicies(
  call: OpaCall,
  { strict = false }: { readonly strict?: boolean } = {},
): Promise<void> {
  const args = ['check', ...(strict ? ['--strict'] : []), '--format', 'json', '.']
  const answer = await askOpa(call, args)
  if (!answer.ok) throw refused('opa check', answer)
}

/**
 * `opa test`: how many tests there are; a folder without tests passes.
 * @throws {PolicyError} `tests_failed` and as above
 */
export async function testPolicies(call: OpaCall): Promise<number> {
  const answer = await askOpa(call, ['test', '--format', 'json', '.'])
  // Also where tests fail, or are marked as still to be written, stdout holds all results.
  const results = parse(answer.stdout)
  if (!Array.isArray(results)) throw refused('opa test', answer)
  const failed = (results as TestResult[]).filter(({ fail, error }) => fail || error !== undefined)
  if (failed.length === 0) return results.length
  const told = failed.map(({ location: { file, row }, name, error }) => {
    const why = error?.message === undefined ? '' : `: ${oneLine(error.message)}`
    return `${file}:${row}: ${name}${why}`
  })
  throw new PolicyError(
    PolicyErrorCode.testsFailed,
    `${failed.length} of ${results.length} tests of the policies failed: ${some(told)}`,
  )
}

/** The lines of each file that `opa test --coverage` tells of. @throws {PolicyError} as above */
export async function coveredLines(call: OpaCall): Promise<Readonly<Record<string, FileLines>>> {
  const answer = await askOpa(call, ['test', '--coverage', '--format', 'json', '.'])
  const report = answer.ok ? parse(answer.stdout) : undefined
  const { files } = (report ?? {}) as { readonly files?: Readonly<Record<string, FileLines>> }
  if (files === undefined) throw refused('opa test --coverage', answer)
  return files
}

/** `opa parse` of a file. @throws {TypeError} where OPA does not accept it, {PolicyError} as above */
export async function parsePolicy(call: OpaCall, file: string): Promise<Module> {
  const answer = await askOpa(call, ['parse', '--format', 'json', file])
  const module = answer.ok ? parse(answer.stdout) : undefined
  if (typeof module !== 'object' || module === null) throw new TypeError('OPA does not parse it')
  return module
}

/** All metadata of the policies. @throws {PolicyError} as `checkPolicies` */
export async function inspectPolicies(call: OpaCall): Promise<readonly Annotation[]> {
  const answer = await askOpa(call, ['inspect', '--annotations', '--format', 'json', '.'])
  const told = answer.ok
    ? (parse(answer.stdout) as { annotations?: Annotation[] } | null)
    : undefined
  if (typeof told !== 'object' || told === null) throw refused('opa inspect', answer)
  return told.annotations ?? []
}

/** What this `opa` can do, as JSON. @throws {PolicyError} what befell opa */
export async function readCapabilities(call: OpaCall): Promise<string> {
  const answer = await askOpa(call, ['capabilities', '--current'])
  if (!answer.ok) throw refused('opa capabilities', answer)
  return answer.stdout
}

export interface CompileOptions {
  /** A module, or the plan that it is made from. */
  readonly target: 'wasm' | 'plan'
  readonly entrypoints: readonly string[]
  /** The file of the archive. */
  readonly output: string
  /** A file of what the policies may call; default all that `opa` knows. */
  readonly capabilities?: string | undefined
}

/** `opa build`, into the file `output`. @throws {PolicyError} as `checkPolicies` */
export async function compilePolicies(
  call: OpaCall,
  { target, entrypoints, output, capabilities }: CompileOptions,
): Promise<void> {
  const named = entrypoints.map((entrypoint) => `--entrypoint=${entrypoint}`)
  // Without pruning, every test of an entrypoint would become an entrypoint of the module.
  const args = ['build', '--target', target, '--prune-unused', ...named, '--output', output]
  if (capabilities !== undefined) args.push('--capabilities', capabilities)
  args.push('.')
  const answer = await askOpa(call, args)
  if (!answer.ok) throw refused('opa build', answer)
}

/** What tests ran through of one file, and what they did not. */
export interface FileLines {
  readonly covered_lines?: number
  readonly not_covered_lines?: number
  readonly not_covered?: readonly { readonly start: { readonly row: number } }[]
}

interface TestResult {
  readonly location: { readonly file: string; readonly row: number }
  readonly name: string
  readonly fail?: boolean
  readonly error?: { readonly message?: string }
}
