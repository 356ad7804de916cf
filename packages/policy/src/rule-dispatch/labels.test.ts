import { join } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { buildBundle } from '../build.ts'
import { LABELS_HELD_MAX } from '../labels/held.ts'
import type { LabelsReport } from '../labels/report.ts'
import { loadPolicy } from '../load.ts'
import { randomOf, requestOf } from '../rule-index/generated-rules.ts'
import type { RuleIndexReport } from '../rule-index/report.ts'
import { labelledPolicy } from './generated-policy.ts'

vi.setConfig({ testTimeout: 120_000 })

const RULES = 120
const REQUESTS = 300

test.for([1, 2, 3])(
  'dispatched rules tell all labels of those that hold (seed %i)',
  async (seed) => {
    await using scratch = temporaryDirectory()
    const sources = join(scratch.path, 'policies')
    const random = randomOf(seed)
    writeFiles(sources, labelledPolicy(random, RULES))
    const entrypoints = ['p/allow', 'p/reasons', 'oracle/held']
    const options = { opa: await opaBinary(), sources, entrypoints, cacheDir: scratch.path }
    const bundle = await buildBundle(options)
    const plain = await buildBundle({ ...options, labels: false, ruleIndex: false })
    const { dispatch }: RuleIndexReport = JSON.parse(Buffer.from(bundle.ruleIndex ?? '').toString())
    const report: LabelsReport = JSON.parse(Buffer.from(bundle.labels ?? '').toString())
    expect(report).toMatchObject({ rules: RULES, leftAlone: [] })
    expect(dispatch?.groups.find(({ rule }) => rule === 'allow')).toMatchObject({ chained: 0 })
    expect(dispatch?.dispatched).toBeGreaterThan(RULES / 3)
    const [policy, oracle] = [await loadPolicy(bundle), await loadPolicy(plain)]
    let told = 0
    for (let n = 0; n < REQUESTS; n++) {
      const request = requestOf(random)
      if (typeof request !== 'object' || request === null || Array.isArray(request)) continue
      const labels: string[] = []
      for (const entrypoint of ['p/allow', 'p/reasons']) {
        expect(policy.evaluate(entrypoint, request)).toEqual(oracle.evaluate(entrypoint, request))
        labels.push(...policy.labels)
        expect(policy.labels.length).toBeLessThan(LABELS_HELD_MAX)
      }
      const held = oracle.evaluate('oracle/held', request) as readonly string[]
      expect({ request, labels: labels.toSorted() }).toEqual({ request, labels: held.toSorted() })
      told += labels.length
    }
    expect(told).toBeGreaterThan(REQUESTS)
  },
)
