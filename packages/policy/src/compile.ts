import { mkdtemp, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { unpackBundle } from './bundle/archive.ts'
import { FILES } from './bundle/names.ts'
import type { CompiledParts } from './bundle/pack.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import { withHeld } from './labels/held.ts'
import { type LabelTools, labelRules } from './labels/label-rules.ts'
import {
  checkPolicies,
  compilePolicies,
  inspectPolicies,
  parsePolicy,
  readCapabilities,
  testPolicies,
} from './opa.ts'
import type { OpaCall } from './opa-call.ts'
import type { Plan } from './plan/plan.ts'
import { fasterForms, withoutForm } from './rule-dispatch/faster-forms.ts'
import type { RuleIndexReport } from './rule-index/report.ts'
import type { Module } from './rule-index/syntax.ts'
import { copySources, writeScratch, written } from './scratch.ts'
import type { SourceFile } from './sources.ts'
import { withoutComments } from './without-comments.ts'

/** What to compile, and how `opa` is called for it. */
export interface CompileTask extends Omit<OpaCall, 'folder'> {
  readonly files: readonly SourceFile[]
  readonly entrypoints: readonly string[]
  /** See `BuildOptions`. */
  readonly ruleIndex: boolean
  /** See `BuildOptions`; default true. */
  readonly labels?: boolean
  /** What the policies have to pass before they are compiled; default `opa check`, `opa test`. */
  readonly examine?: (call: OpaCall) => Promise<void>
}

/**
 * Checks, tests and compiles policies into what a bundle is made of, in a scratch folder that is
 * gone afterwards. It works on a copy of the sources: what is checked, what is tested and what is
 * compiled are then the bytes of the revision, whatever happens in their folder meanwhile.
 * @throws {PolicyError}
 */
export async function compileBundle(
  task: CompileTask,
  scratchPrefix: string,
): Promise<CompiledParts> {
  const scratch = await written(scratchPrefix, () => mkdtemp(scratchPrefix))
  try {
    return await new Compilation(task, scratch).parts()
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

interface Compiled {
  readonly wasm: Uint8Array
  readonly plan: Uint8Array
}

/** One build, in its scratch folder. */
class Compilation {
  readonly #task: CompileTask
  readonly #scratch: string
  /** The capabilities of `opa` and the call by which labels are told. */
  #capabilities: string | undefined

  constructor(task: CompileTask, scratch: string) {
    this.#task = task
    this.#scratch = scratch
  }

  /**
   * With the labels of the rules, and with rules in tables and found by lookups, as far as they can
   * be; else as they are, and the reports tell why.
   */
  async parts(): Promise<CompiledParts> {
    const { files, examine = examined, labels = true } = this.#task
    await examine(await this.#copied('policies', files))
    const labelled = labels ? await labelRules(files, this.#tools()) : undefined
    const { report, ...module } = await this.#indexed(labelled?.files ?? files)
    return {
      ...module,
      ...(labelled && { labels: jsonOf(labelled.report) }),
      ...(report && { ruleIndex: jsonOf(report) }),
    }
  }

  async #indexed(
    labelled: readonly SourceFile[],
  ): Promise<CompiledParts & { readonly report?: RuleIndexReport }> {
    const unindexed = async () => {
      if (labelled !== this.#task.files) return await this.#changed('labelled', labelled)
      return await this.#compiled(await this.#toBuild('written', labelled))
    }
    if (!this.#task.ruleIndex) return await unindexed()
    const faster = await fasterForms(labelled, (rego) => this.#parse(rego))
    let { report } = faster
    for (const { name, files } of faster.forms) {
      try {
        return { ...(await this.#changed(name, files)), report }
      } catch (error) {
        // The policies themselves have passed: it is their other form that OPA cannot compile.
        if (!isRefusal(error)) throw error
        report = withoutForm(name, report, error.message)
      }
    }
    return { ...(await unindexed()), report }
  }

  /** A module of other sources than those that were written, of which the plan is there besides. */
  async #changed(name: string, files: readonly SourceFile[]): Promise<CompiledParts> {
    const { wasm, plan: modulePlan } = await this.#compiled(await this.#toBuild(name, files))
    const written = await this.#toBuild('written', this.#task.files)
    return { wasm, modulePlan, plan: await this.#archive('plan', written) }
  }

  async #compiled(call: OpaCall): Promise<Compiled> {
    return { wasm: await this.#archive('wasm', call), plan: await this.#archive('plan', call) }
  }

  /** The archive that `opa build` writes. */
  async #archive(target: 'wasm' | 'plan', call: OpaCall): Promise<Uint8Array> {
    const { entrypoints } = this.#task
    const output = `${call.folder}-${target}.tar.gz`
    await compilePolicies(call, { target, entrypoints, output, capabilities: this.#capabilities })
    return await written(output, () => readFile(output))
  }

  #tools(): LabelTools {
    return {
      inspect: async (files) => await inspectPolicies(await this.#copied('inspected', files)),
      parse: (rego) => this.#parse(rego),
      plan: async (files) => {
        const call = await this.#toBuild('told', files)
        const file = path.join(this.#scratch, 'capabilities.json')
        await writeScratch(file, withHeld(await readCapabilities(call)))
        this.#capabilities = file
        const plan = (await unpackBundle(await this.#archive('plan', call))).get(FILES.plan)
        return JSON.parse(Buffer.from(plan ?? '').toString('utf8')) as Plan
      },
    }
  }

  async #parse(rego: string): Promise<Module> {
    const file = path.join(this.#scratch, 'forms.rego')
    await writeScratch(file, rego)
    return await parsePolicy(this.#call(this.#scratch), file)
  }

  /** In a folder, as `opa build` takes them fast. */
  async #toBuild(name: string, files: readonly SourceFile[]): Promise<OpaCall> {
    return await this.#copied(name, withoutComments(files))
  }

  async #copied(name: string, files: readonly SourceFile[]): Promise<OpaCall> {
    const folder = path.join(this.#scratch, name)
    await copySources(files, folder)
    return this.#call(folder)
  }

  #call(folder: string): OpaCall {
    const { opa, timeoutMs, signal } = this.#task
    return { opa, folder, timeoutMs, ...(signal && { signal }) }
  }
}

async function examined(call: OpaCall): Promise<void> {
  await checkPolicies(call)
  await testPolicies(call)
}

function isRefusal(error: unknown): error is PolicyError {
  return error instanceof PolicyError && error.code === PolicyErrorCode.policyRefused
}

function jsonOf(report: object): Uint8Array {
  return Buffer.from(`${JSON.stringify(report)}\n`)
}
