import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { randomInput, randomPolicy } from '../test/random-policy.ts'
import { buildBundle } from './build.ts'
import { loadPolicy } from './load.ts'
import type { LoadedPolicy } from './policy.ts'
import { randomOf } from './rule-index/generated-rules.ts'

vi.setConfig({ testTimeout: 120_000 })
const run = promisify(execFile)

const OUTPUT_BYTES_MAX = 64 * 1024 ** 2
const POLICIES = 16
const INPUTS = 30
const DATA = { d: { one: 1, list: [1, 'a', null], map: { a: 1, b: { c: [] } } } }
/** Other seeds: `VERDICT_SEEDS=7,8,9 npx vitest …`. */
const SEEDS = (process.env['VERDICT_SEEDS'] ?? '1').split(',').map(Number)

/** That a decision is an error, whatever it says, which differs between the engines. */
const FAULT = 'fault'

/** What OPA's interpreter answers to each of the inputs. */
async function opaAnswers(opa: string, folder: string, decision: string): Promise<unknown[]> {
  const args = ['exec', '--bundle', 'policies', '--decision', decision, 'inputs']
  const options = { cwd: folder, maxBuffer: OUTPUT_BYTES_MAX, env: { TZ: 'UTC' } }
  // Where some decisions have failed, the others are told all the same.
  const { stdout } = await run(opa, args, options).catch((failed: { stdout: string }) => failed)
  const { result } = JSON.parse(stdout) as {
    result: { path: string; result?: unknown; error?: { code: string } }[]
  }
  return result
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ result: value, error }) =>
      error === undefined ? value : error.code === 'opa_undefined_error' ? undefined : FAULT,
    )
}

function answerOf(policy: LoadedPolicy, entrypoint: string, input: unknown): unknown {
  try {
    return policy.evaluate(entrypoint, input)
  } catch {
    return FAULT
  }
}

test.for(SEEDS)('random policies answer as OPA answers (seed %i)', async (seed) => {
  await using scratch = temporaryDirectory()
  const random = randomOf(seed)
  const names = Array.from({ length: POLICIES }, (_, n) => `p${n}`)
  const inputs = Array.from({ length: INPUTS }, () => randomInput(random))
  const texts = names.map((name): [string, string] => [`${name}.rego`, randomPolicy(random, name)])
  const sources = join(scratch.path, 'policies')
  writeFiles(sources, { ...Object.fromEntries(texts), 'data.json': JSON.stringify(DATA) })
  const asked = inputs.map((input, n): [string, string] => [
    `${String(n).padStart(4, '0')}.json`,
    JSON.stringify(input),
  ])
  writeFiles(join(scratch.path, 'inputs'), Object.fromEntries(asked))
  const opa = await opaBinary()
  const entrypoints = names.map((name) => `${name}/answer`)
  const cacheDir = join(scratch.path, 'cache')
  const options = { opa, sources, entrypoints, cacheDir }
  const policy = await loadPolicy(await buildBundle(options))
  const plain = await loadPolicy(await buildBundle({ ...options, ruleIndex: false }))
  let decided = 0
  for (const [at, entrypoint] of entrypoints.entries()) {
    const expected = await opaAnswers(opa, scratch.path, entrypoint)
    for (const [n, input] of inputs.entries()) {
      const why = `${entrypoint} of ${JSON.stringify(input)}:\n${texts[at]?.[1]}`
      const answer = answerOf(policy, entrypoint, input)
      expect(answer, why).toEqual(expected[n])
      expect(answerOf(policy, entrypoint, input), `again, ${why}`).toEqual(expected[n])
      expect(answerOf(plain, entrypoint, input), `plain, ${why}`).toEqual(expected[n])
      if (answer !== FAULT) decided += 1
    }
  }
  // Most must say something, or nothing is compared.
  expect(decided).toBeGreaterThan((POLICIES * INPUTS) / 2)
})
