import { expect, test } from 'vitest'
import { allPassed, type FinishedScenario, reportLines, type TortureReport } from './report.ts'

const passed: FinishedScenario = {
  name: 'kill-authz',
  result: 'passed',
  cycles: 12,
  seconds: 60,
  asked: 1_500,
  acknowledged: 1_234,
  refused: 266,
  lost: 0,
  forged: 0,
  duplicated: 0,
  silenceMs: 2_345,
  checkpoints: 90,
  leaves: 1_240,
  problems: [],
}

function reportOf(...scenarios: TortureReport['scenarios']): TortureReport {
  return { seed: '7f3a', time: '2026-11-23T07:00:00.000Z', machine: '2 × a CPU', scenarios }
}

test('the report is a table with the seed, and says what was skipped and why', () => {
  const skipped = { name: 'partition', result: 'skipped', needs: ['root', 'ip'] } as const
  const report = reportOf(passed, skipped)
  expect(allPassed(report)).toBe(true)
  expect(reportLines(report)).toEqual([
    'scenario    cycles  decisions  refused  lost  forged  twice  silence  result',
    'kill-authz      12       1234      266     0       0      0    2.3 s  passed',
    'partition                                                             skipped: needs root, ip',
    '',
    '2 × a CPU',
    'again with: --seed 7f3a',
  ])
})

test('what failed is told, and where the files are that were kept', () => {
  const problems = ['lost: request r1, decision d1']
  const report = reportOf({ ...passed, result: 'failed', lost: 1, problems, dir: '/tmp/x' })
  expect(allPassed(report)).toBe(false)
  expect(reportLines(report).slice(-4)).toEqual([
    'kill-authz: lost: request r1, decision d1',
    'kept: /tmp/x',
    '2 × a CPU',
    'again with: --seed 7f3a',
  ])
})
