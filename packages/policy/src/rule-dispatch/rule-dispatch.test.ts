import { join } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { FAULT, opaAnswers } from '../../test/opa-answers.ts'
import { buildBundle } from '../build.ts'
import { loadPolicy } from '../load.ts'
import type { LoadedPolicy } from '../policy.ts'
import { randomOf, requestOf } from '../rule-index/generated-rules.ts'
import type { RuleIndexReport } from '../rule-index/report.ts'
import { irregularPolicy, manyFormsPolicy, ORGANISATIONS } from './generated-policy.ts'

vi.setConfig({ testTimeout: 120_000 })
const opa = await opaBinary()

const RULES_PER_NAME = 60
const REQUESTS = 400
const ASKED_OF_OPA = 60
/** Other seeds: `VERDICT_SEEDS=7,8,9 npx vitest …`. */
const SEEDS = (process.env['VERDICT_SEEDS'] ?? '1').split(',').map(Number)

function answerOf(policy: LoadedPolicy, entrypoint: string, request: unknown): unknown {
  try {
    return policy.evaluate(entrypoint, request)
  } catch {
    return FAULT
  }
}

function isObject(request: unknown): boolean {
  return typeof request === 'object' && request !== null && !Array.isArray(request)
}

interface Case {
  readonly files: Record<string, string>
  readonly entrypoints: readonly string[]
  readonly requests: readonly unknown[]
}

/** Asks both forms of a policy, and OPA, the same; the report tells what was dispatched. */
async function compared({ files, entrypoints, requests }: Case): Promise<RuleIndexReport> {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  const asked = requests.slice(0, ASKED_OF_OPA)
  const inputs = asked.map((request, n): [string, string] => [
    `${String(n).padStart(4, '0')}.json`,
    JSON.stringify(request),
  ])
  writeFiles(sources, files)
  writeFiles(join(scratch.path, 'inputs'), Object.fromEntries(inputs))
  const options = { opa, sources, entrypoints, cacheDir: join(scratch.path, 'cache') }
  const bundle = await buildBundle(options)
  const dispatched = await loadPolicy(bundle)
  const plain = await loadPolicy(await buildBundle({ ...options, ruleIndex: false }))
  const counts = { faults: 0, values: 0 }
  for (const request of requests) {
    for (const entrypoint of entrypoints) {
      const answer = answerOf(dispatched, entrypoint, request)
      if (answer === FAULT) counts.faults++
      else if (answer !== undefined) counts.values++
      const expected = { request, entrypoint, answer: answerOf(plain, entrypoint, request) }
      expect({ request, entrypoint, answer }).toEqual(expected)
      // A second time it may be remembered.
      expect(answerOf(dispatched, entrypoint, request)).toEqual(answer)
    }
  }
  expect(counts.faults).toBeGreaterThan(20)
  expect(counts.values).toBeGreaterThan(requests.length)
  for (const entrypoint of entrypoints) {
    const answers = asked.map((request) => answerOf(dispatched, entrypoint, request))
    expect(answers, entrypoint).toEqual(await opaAnswers(scratch.path, entrypoint))
  }
  return JSON.parse(Buffer.from(bundle.ruleIndex ?? '').toString())
}

test.for(SEEDS)('rules by lookups and in chains decide as one by one (seed %i)', async (seed) => {
  const random = randomOf(seed)
  const { files, names } = irregularPolicy(random, RULES_PER_NAME)
  const entrypoints = ['p/q-r/s', ...names.map((name) => `p/q-r/s/${name}`)]
  // OPA's modules overwrite memory where `with` sets a part of an input that is no object.
  const requests = Array.from({ length: REQUESTS }, () => requestOf(random)).filter(isObject)
  const report = await compared({ files, entrypoints, requests })
  expect(report).toMatchObject({ leftAlone: [], dispatch: { leftAlone: [] } })
  expect(report.dispatch?.dispatched).toBeGreaterThan(RULES_PER_NAME)
  expect(report.dispatch?.chained).toBeGreaterThan(RULES_PER_NAME / 3)
})

test.for(SEEDS)('rules of many forms decide as one by one (seed %i)', async (seed) => {
  const random = randomOf(seed)
  const names = ['allow', 'level', 'reasons']
  const requests = Array.from({ length: REQUESTS }, (): unknown => {
    const request = requestOf(random)
    const org = random(9) === 0 ? random(ORGANISATIONS) : `o${random(ORGANISATIONS)}`
    return isObject(request) ? { ...(request as object), org } : request
  })
  const entrypoints = names.map((name) => `p/${name}`)
  const report = await compared({ files: manyFormsPolicy(random), entrypoints, requests })
  expect(report.dispatch?.dispatched).toBeGreaterThan(report.indexed * 2)
  expect(report.dispatch?.groups.map(({ tables }) => tables[0]?.by)).toContain('input["org"]')
})
