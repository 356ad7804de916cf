import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect } from 'vitest'
import { buildBundle } from '../src/build.ts'
import type { Bundle } from '../src/bundle/bundle.ts'
import type { PolicyError } from '../src/errors.ts'
import { loadPolicy } from '../src/load.ts'
import type { LoadedPolicy } from '../src/policy.ts'
import { regoText } from '../src/value/rego-text.ts'
import type { Value } from '../src/value/value.ts'
import { writeJson } from '../src/value/write.ts'

const run = promisify(execFile)
const OUTPUT_BYTES_MAX = 64 * 1024 ** 2

/** Rules of the package `p`, built. */
export async function bundleOf(rego: string, entrypoints = ['p/x'], data = '{}'): Promise<Bundle> {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  writeFiles(sources, { 'p.rego': `package p\n\n${rego}`, 'data.json': data })
  return await buildBundle({
    opa: await opaBinary(),
    sources,
    entrypoints,
    cacheDir: scratch.path,
  })
}

export async function policyOf(
  rego: string,
  entrypoints = ['p/x'],
  data = '{}',
): Promise<LoadedPolicy> {
  return await loadPolicy(await bundleOf(rego, entrypoints, data))
}

export function errorOf(work: () => unknown): PolicyError {
  try {
    work()
  } catch (error) {
    return error as PolicyError
  }
  return expect.unreachable('nothing was thrown')
}

/** Answers by expression, as Rego's text; undefined where there is none. */
type Answers = Readonly<Record<string, string | undefined>>

/**
 * What OPA's interpreter, and what a module of the same rules in this engine, answer: a rule for
 * each expression of Rego. Texts tell a set from an array, and `1` from `1.0`.
 */
export async function answersOfBoth(
  expressions: readonly string[],
  input: Value = null,
): Promise<{ readonly opa: Answers; readonly ours: Answers }> {
  const names = expressions.map((_, at) => `x${at}`)
  const rego = expressions.map((expression, at) => `${names[at]} := ${expression}\n`).join('\n')
  const entrypoints = names.map((name) => `p/${name}`)
  const [policy, opa] = await Promise.all([policyOf(rego, entrypoints), askOpa(rego, input)])
  const ours = entrypoints.map((entrypoint) => policy.evaluateValue(entrypoint, input))
  const named = (texts: readonly (string | undefined)[]): Answers =>
    Object.fromEntries(expressions.map((expression, at) => [expression, texts[at]]))
  return {
    opa: named(names.map((name) => opa[name])),
    ours: named(ours.map((value) => (value === undefined ? undefined : regoText([value])))),
  }
}

/** What OPA's interpreter answers to each expression, with built-ins of before Rego's version 1. */
export async function answersOfOpa(expressions: readonly string[]): Promise<Answers> {
  const rules = expressions.map((expression, at) => `x${at} := ${expression}\n`)
  const answers = await askOpa(rules.join('\n'), null, ['--v0-compatible'])
  return Object.fromEntries(expressions.map((expression, at) => [expression, answers[`x${at}`]]))
}

async function askOpa(
  rego: string,
  input: Value,
  flags: readonly string[] = [],
): Promise<Record<string, string>> {
  await using scratch = temporaryDirectory()
  writeFiles(scratch.path, { 'p.rego': `package p\n\n${rego}`, 'input.json': writeJson(input) })
  const texts = '{k: t | v := data.p[k]; t := sprintf("%v", [[v]])}'
  const { stdout } = await run(
    await opaBinary(),
    ['eval', ...flags, '-d', 'p.rego', '-i', 'input.json', '-f', 'json', texts],
    // In UTC, as this engine is wherever it runs.
    { cwd: scratch.path, maxBuffer: OUTPUT_BYTES_MAX, env: { TZ: 'UTC' } },
  )
  return JSON.parse(stdout).result[0].expressions[0].value
}
