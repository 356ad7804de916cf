import process from 'node:process'
import { missingNeeds, runScenario, SCENARIOS } from '@verdict/cli'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test, vi } from 'vitest'

/**
 * A sample of the faults at system calls: `verdict torture syscalls` has all of them. What the
 * machine lacks is in the name of a test that is skipped.
 */

const SAMPLE = 10
const SECONDS_MAX = 100
const needs = missingNeeds(['strace'], process.env)
const lacking = needs.length === 0 ? '' : `, skipped for want of ${needs.join(', ')}`

test.skipIf(needs.length > 0)(
  `EIO, ENOSPC and SIGKILL at system calls of journal and log lose nothing${lacking}`,
  async () => {
    const scenario = SCENARIOS.find(({ name }) => name === 'syscalls') ?? expect.unreachable()
    await using scratch = temporaryDirectory()
    vi.stubEnv('TMPDIR', scratch.path)
    const report = await runScenario(scenario, {
      cycles: SAMPLE,
      seconds: SECONDS_MAX,
      seed: 'syscalls',
      keep: false,
      opa: '',
      natsServer: '',
      env: process.env,
      stop: AbortSignal.timeout(SECONDS_MAX * 1_000),
      onProgress: () => undefined,
    })
    expect(report).toMatchObject({ result: 'passed', cycles: SAMPLE, problems: [], lost: 0 })
    if (report.result === 'skipped') return
    // At least the two runs without a fault have kept what they were given.
    expect(report.acknowledged).toBeGreaterThanOrEqual(4 * SAMPLE)
    expect(report.refused).toBeGreaterThan(0)
  },
  120_000,
)
