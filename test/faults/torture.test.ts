import { readdirSync } from 'node:fs'
import process from 'node:process'
import { runScenario, SCENARIOS, type Scenario } from '@verdict/cli'
import { natsServerBinary, opaBinary, temporaryDirectory } from '@verdict/kit'
import { expect, test, vi } from 'vitest'

/**
 * Faults of `verdict torture`, once each on one cluster. Killed processes are in kill.test.ts;
 * `verdict torture` itself has the others, and all of them for longer.
 */

const FAULTS = ['clock', 'stop-cont', 'two-writers', 'old-backup']
const SECONDS_MAX = 200

function scenario(name: string): Scenario {
  const found = SCENARIOS.find((known) => known.name === name)
  return found && 'cycle' in found ? found : expect.fail(`no scenario ${name}`)
}

test('clocks set, processes halted, two writers, old backups: nothing lost or forged', async () => {
  await using scratch = temporaryDirectory()
  vi.stubEnv('TMPDIR', scratch.path)
  const left = FAULTS.map(scenario)
  const { afterwards } = scenario('old-backup')
  const inTurn: Scenario = {
    name: 'in-turn',
    summary: 'one after the other',
    cluster: { clocks: true },
    cycle: async (torture) => await left.shift()?.cycle(torture),
    ...(afterwards && { afterwards }),
  }
  const report = await runScenario(inTurn, {
    cycles: FAULTS.length,
    seconds: SECONDS_MAX,
    seed: 'faults',
    keep: false,
    opa: await opaBinary(),
    natsServer: await natsServerBinary(),
    env: process.env,
    stop: AbortSignal.timeout(SECONDS_MAX * 1_000),
    onProgress: () => undefined,
  })
  expect(report).toMatchObject({
    result: 'passed',
    cycles: FAULTS.length,
    lost: 0,
    forged: 0,
    duplicated: 0,
    problems: [],
  })
  if (report.result === 'skipped') return
  expect(report.acknowledged).toBeGreaterThan(300)
  expect(report.checkpoints).toBeGreaterThan(5)
  expect(readdirSync(scratch.path)).toEqual([])
}, 240_000)
