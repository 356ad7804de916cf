import { expect, test } from 'vitest'
import { verdict } from '../../test/captured.ts'
import { SCENARIOS } from '../torture/scenarios.ts'

test('torture knows its scenarios, and its help tells what each does', async () => {
  const { code, err } = await verdict(['torture', 'kill-everything'])
  expect(code).toBe(2)
  expect(err).toContain('`kill-everything` is no scenario: there are kill-authz, kill-audit')
  const { out } = await verdict(['torture', '--help'])
  for (const { name, summary } of SCENARIOS) {
    expect(out).toContain(name)
    expect(out).toContain(summary)
  }
})

test('torture says what a scenario needs that the machine lacks', async () => {
  const { code, out } = await verdict(['torture', 'partition', '--seed', '7', '--json'], {
    env: { PATH: '/nowhere' },
  })
  expect(code).toBe(0)
  const report = JSON.parse(out)
  expect(report.seed).toBe('7')
  expect(report.scenarios).toMatchObject([{ name: 'partition', result: 'skipped' }])
  expect(report.scenarios[0].needs).toContain('ip')
})
