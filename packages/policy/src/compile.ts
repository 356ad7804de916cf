import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { bundleArchive } from './bundle.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import { checkPolicies, compilePolicies, type OpaCall, parsePolicy, testPolicies } from './opa.ts'
import { type RuleIndexReport, withoutTables } from './rule-index/report.ts'
import { indexRules } from './rule-index/rule-index.ts'
import type { SourceFile } from './sources.ts'

/** What to compile, and how `opa` is called for it. */
export interface CompileTask extends Omit<OpaCall, 'folder'> {
  readonly files: readonly SourceFile[]
  readonly entrypoints: readonly string[]
  /** See `BuildOptions`. */
  readonly ruleIndex: boolean
}

interface Compiled {
  readonly wasm: Uint8Array
  readonly plan: Uint8Array
}

/**
 * Checks, tests and compiles policies into the archive of a bundle, in a scratch folder that is
 * gone afterwards. It works on a copy of the sources: what is checked, what is tested and what is
 * compiled are then the bytes of the revision, whatever happens in their folder meanwhile.
 * @throws {PolicyError}
 */
export async function compileBundle(task: CompileTask, scratchPrefix: string): Promise<Uint8Array> {
  const scratch = await written(scratchPrefix, () => mkdtemp(scratchPrefix))
  try {
    const call = await copied(task, task.files, path.join(scratch, 'policies'))
    await checkPolicies(call)
    await testPolicies(call)
    if (!task.ruleIndex) return await bundleArchive(await compiled(task, call))
    const { report, ...parts } = await compileIndexed(task, call)
    const json = Buffer.from(`${JSON.stringify(report)}\n`)
    return await bundleArchive({ ...parts, ruleIndex: json })
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** With rules in tables, as far as they can be; else as they are, and `report` tells why. */
async function compileIndexed(
  task: CompileTask,
  call: OpaCall,
): Promise<Compiled & { readonly report: RuleIndexReport }> {
  const scratch = path.dirname(call.folder)
  const { files, report } = await indexRules(task.files, async (rego) => {
    const file = path.join(scratch, 'forms.rego')
    await written(file, () => writeFile(file, rego))
    return await parsePolicy(call, file)
  })
  if (report.indexed === 0) return { ...(await compiled(task, call)), report }
  const indexed = await copied(task, files, path.join(scratch, 'indexed'))
  try {
    return { ...(await compiled(task, indexed)), report }
  } catch (error) {
    // The policies themselves have passed: it is the tables that OPA cannot compile.
    if (!(error instanceof PolicyError && error.code === PolicyErrorCode.policyRefused)) throw error
    return { ...(await compiled(task, call)), report: withoutTables(report, error.message) }
  }
}

async function compiled(task: CompileTask, call: OpaCall): Promise<Compiled> {
  const archive = async (target: 'wasm' | 'plan') => {
    const output = `${call.folder}-${target}.tar.gz`
    await compilePolicies(call, { target, entrypoints: task.entrypoints, output })
    return await written(output, () => readFile(output))
  }
  return { wasm: await archive('wasm'), plan: await archive('plan') }
}

async function copied(
  { opa, timeoutMs, signal }: CompileTask,
  files: readonly SourceFile[],
  folder: string,
): Promise<OpaCall> {
  await written(folder, () => copy(files, folder))
  return { opa, folder, timeoutMs, ...(signal && { signal }) }
}

async function copy(files: readonly SourceFile[], folder: string): Promise<void> {
  await mkdir(folder)
  for (const file of files) {
    const target = path.join(folder, file.path)
    await mkdir(path.dirname(target), { recursive: true })
    await writeFile(target, file.bytes)
  }
}

async function written<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new PolicyError(
      PolicyErrorCode.cacheFailed,
      `policies cannot be built in \`${where}\`: ${messageOf(cause)}`,
      { cause },
    )
  }
}
