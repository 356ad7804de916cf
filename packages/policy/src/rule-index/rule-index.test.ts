import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { buildBundle } from '../build.ts'
import { loadPolicy } from '../load.ts'
import type { LoadedPolicy } from '../policy.ts'
import { BODIES, pick, type Random, randomOf, requestOf } from './generated-rules.ts'
import type { RuleIndexReport } from './report.ts'

vi.setConfig({ testTimeout: 120_000 })
const opa = await opaBinary()
const run = promisify(execFile)

const OUTPUT_BYTES_MAX = 64 * 1024 ** 2
const RULES = 24
const REQUESTS = 400
const ASKED_OF_OPA = 60
/** Other seeds: `VERDICT_SEEDS=7,8,9 npx vitest …`. */
const SEEDS = (process.env['VERDICT_SEEDS'] ?? '1').split(',').map(Number)

interface Built {
  readonly policy: LoadedPolicy
  readonly report: RuleIndexReport | undefined
}

async function built(folder: string, entrypoints: string[], ruleIndex: boolean): Promise<Built> {
  const bundle = await buildBundle({
    opa,
    sources: join(folder, 'policies'),
    entrypoints,
    cacheDir: join(folder, 'cache'),
    ruleIndex,
  })
  const report = bundle.ruleIndex && JSON.parse(Buffer.from(bundle.ruleIndex).toString())
  return { policy: await loadPolicy(bundle), report }
}

/** Rules of every form that may conflict, and such that may not. */
function rulesOf(random: Random): Record<string, string> {
  const heads: ((n: number) => string)[] = [
    () => 'allow',
    () => `reasons contains ${JSON.stringify(`r${random(30)}`)}`,
    () => `found contains {"by": ${JSON.stringify(`r${random(30)}`)}, "method": input.method}`,
    () => `level := ${JSON.stringify(`l${random(2)}`)}`,
  ]
  const rego = (names: readonly string[], ...chosen: (typeof heads)[number][]): string =>
    names
      .flatMap((name) => {
        const head = pick(random, chosen)
        return Array.from(
          { length: RULES },
          (_, n) => `${head(n)} if {\n\t${BODIES[name]?.(random)}\n}\n`,
        )
      })
      .join('\n')
  const names = Object.keys(BODIES)
  const functions = Array.from({ length: RULES }, () => {
    const [value, path, method] = [3, 9, 3].map((most) => JSON.stringify(`/${random(most)}`))
    return `named(x) := ${value} if {\n\tx == ${path}\n\tinput.method == ${method}\n}\n`
  })
  const imports = 'import input.http as http\n\ntenant := input.tenant\n\nown(x, y) if x == y\n'
  const files: Record<string, string> = {
    'data.json': JSON.stringify({ levels: { x: 0, y: 1, GET: 2 } }),
    'calm.rego': [
      `package calm\n\n${imports}\ndefault allow := false\n`,
      rego(names, ...heads.slice(0, 3)),
    ].join('\n'),
    'functions.rego': `package functions\n\nlevel := named(input.path)\n\n${functions.join('\n')}`,
  }
  for (const name of names) {
    const text = rego([name], heads[3] as (n: number) => string)
    files[`${name}.rego`] = `package ${name}\n\n${imports}\n${text}`
  }
  return files
}

/** What is decided, or that it cannot be for a conflict. */
function answerOf({ policy }: Built, entrypoint: string, request: unknown): unknown {
  try {
    return policy.evaluate(entrypoint, request)
  } catch (error) {
    return (error as Error).message.includes('conflict') ? 'conflict' : String(error)
  }
}

async function opaAnswers(folder: string, entrypoint: string): Promise<unknown[]> {
  const args = ['exec', '--bundle', 'policies', '--decision', entrypoint, 'requests']
  const { stdout } = await run(opa, args, { cwd: folder, maxBuffer: OUTPUT_BYTES_MAX }).catch(
    // Some decisions have failed: the others are told all the same.
    (failed: { stdout: string }) => failed,
  )
  const { result } = JSON.parse(stdout) as {
    result: { path: string; result?: unknown; error?: { code: string; message: string } }[]
  }
  const byPath = result.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return byPath.map(({ result: value, error }) => {
    if (error === undefined) return value
    return error.code === 'opa_undefined_error' ? undefined : 'conflict'
  })
}

test.for(SEEDS)('rules in tables decide as they do one by one (seed %i)', async (seed) => {
  await using scratch = temporaryDirectory()
  const random = randomOf(seed)
  const files = rulesOf(random)
  const levels = ['functions', ...Object.keys(BODIES)].map((name) => `${name}/level`)
  const entrypoints = ['calm', ...levels]
  const requests = Array.from({ length: REQUESTS }, () => requestOf(random))
  writeFiles(join(scratch.path, 'policies'), files)
  const asked = requests.slice(0, ASKED_OF_OPA)
  writeFiles(
    join(scratch.path, 'requests'),
    Object.fromEntries(
      asked.map((request, n) => [`${String(n).padStart(4, '0')}.json`, JSON.stringify(request)]),
    ),
  )
  const plain = await built(scratch.path, entrypoints, false)
  const indexed = await built(scratch.path, entrypoints, true)
  expect(plain.report).toBeUndefined()
  expect(indexed.report?.leftAlone).toEqual([])
  expect(indexed.report?.indexed).toBeGreaterThan(RULES * 10)
  let conflicts = 0
  let decided = 0
  for (const request of requests) {
    for (const entrypoint of entrypoints) {
      const answer = answerOf(indexed, entrypoint, request)
      if (answer === 'conflict') conflicts++
      else if (answer !== undefined) decided++
      expect({ request, entrypoint, answer }).toEqual({
        request,
        entrypoint,
        answer: answerOf(plain, entrypoint, request),
      })
    }
  }
  expect(conflicts).toBeGreaterThan(20)
  expect(decided).toBeGreaterThan(200)
  for (const entrypoint of ['calm', ...levels.slice(0, 5)]) {
    expect(asked.map((request) => answerOf(indexed, entrypoint, request))).toEqual(
      await opaAnswers(scratch.path, entrypoint),
    )
  }
})
