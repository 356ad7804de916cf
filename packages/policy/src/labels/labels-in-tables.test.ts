import { join } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { buildBundle } from '../build.ts'
import { loadPolicy } from '../load.ts'
import { BODIES, pick, type Random, randomOf, requestOf } from '../rule-index/generated-rules.ts'
import type { RuleIndexReport } from '../rule-index/report.ts'
import { LABELS_HELD_MAX } from './held.ts'
import type { LabelsReport } from './report.ts'

vi.setConfig({ testTimeout: 120_000 })
const opa = await opaBinary()

const RULES = 16
const REQUESTS = 300
/** Other seeds: `VERDICT_SEEDS=7,8,9 npx vitest …`. */
const SEEDS = (process.env['VERDICT_SEEDS'] ?? '1').split(',').map(Number)
const HEADS = [
  ['allow', 'true'],
  ['reasons contains', '"r"'],
  ['found contains', '{"by": "r", "method": input.method}'],
] as const

/** Rules of every form, each with a label, and what OPA says of which of them hold. */
function rulesOf(random: Random): {
  readonly files: Record<string, string>
  readonly count: number
} {
  const imports = 'import input.http as http\n\ntenant := input.tenant\n\nown(x, y) if x == y\n'
  const rules: string[] = []
  const held: string[] = []
  for (const bodyOf of Object.values(BODIES)) {
    const [head, value] = pick(random, HEADS)
    for (let n = 0; n < RULES; n++) {
      const label = `l${rules.length}`
      const body = bodyOf(random)
      const of = head === 'allow' ? head : `${head} ${value}`
      rules.push(`# METADATA\n# title: ${label}\n${of} if {\n\t${body}\n}\n`)
      held.push(`held contains "${label}" if {\n\t${body}\n\tverdict_value := ${value}\n}\n`)
    }
  }
  for (let n = 0; n < RULES; n++) {
    const [path, method] = [`/${random(9)}`, pick(random, ['GET', 'POST'])]
    const body = `x == "${path}"\n\tinput.method == "${method}"`
    const label = `l${rules.length}`
    rules.push(`# METADATA\n# title: ${label}\nlevel(x) := 1 if {\n\t${body}\n}\n`)
    held.push(`held contains "${label}" if {\n\tx := input.path\n\t${body}\n}\n`)
  }
  rules.push('called := level(input.path)\n')
  const data = JSON.stringify({ levels: { x: 0, y: 1, GET: 2 } })
  const files = {
    'data.json': data,
    'p.rego': `package p\n\n${imports}\n${rules.join('\n')}`,
    'oracle.rego': `package oracle\n\n${imports}\n${held.join('\n')}`,
  }
  return { files, count: held.length }
}

test.for(SEEDS)('rules in tables tell the labels of those that hold (seed %i)', async (seed) => {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  const random = randomOf(seed)
  const { files, count } = rulesOf(random)
  writeFiles(sources, files)
  const options = { opa, sources, entrypoints: ['p', 'oracle/held'], cacheDir: scratch.path }
  const [bundle, unlabelled] = [
    await buildBundle(options),
    await buildBundle({ ...options, labels: false, ruleIndex: false }),
  ]
  const index: RuleIndexReport = JSON.parse(Buffer.from(bundle.ruleIndex ?? '').toString())
  const report: LabelsReport = JSON.parse(Buffer.from(bundle.labels ?? '').toString())
  expect(report).toMatchObject({ rules: count, leftAlone: [] })
  const labelled = index.families.filter(({ file, table }) => file === 'p.rego' && table)
  expect(labelled.length).toBeGreaterThan(10)
  const [policy, oracle] = [await loadPolicy(bundle), await loadPolicy(unlabelled)]
  let told = 0
  for (let n = 0; n < REQUESTS; n++) {
    const request = requestOf(random)
    expect(policy.evaluate('p', request)).toEqual(oracle.evaluate('p', request))
    const held = oracle.evaluate('oracle/held', request) as readonly string[]
    const inOrder = held.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1)))
    expect({ request, labels: policy.labels }).toEqual({
      request,
      labels: inOrder.slice(0, LABELS_HELD_MAX),
    })
    told += policy.labels.length
  }
  expect(told).toBeGreaterThan(REQUESTS)
})
