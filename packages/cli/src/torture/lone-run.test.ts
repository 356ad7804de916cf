import { expect, test } from 'vitest'
import { runAlone } from './lone-run.ts'
import type { RunOptions } from './run.ts'
import type { LoneScenario } from './scenario.ts'
import type { Trial } from './trial.ts'

const SOUND: Trial = {
  ...{ acknowledged: ['a', 'b'], refused: 1 },
  ...{ lost: [], forged: [], duplicated: [], problems: [] },
}

const OPTIONS: RunOptions = {
  ...{ cycles: 100, seconds: 60, seed: 's', keep: false, opa: '', natsServer: '', env: {} },
  stop: new AbortController().signal,
  onProgress: () => undefined,
}

/** A scenario of these trials, and how many of them were asked for. */
function scenarioOf(trials: readonly Trial[]): { scenario: LoneScenario; asked: () => number } {
  let asked = 0
  const scenario: LoneScenario = {
    name: 'lone',
    summary: 'made up',
    async *trials() {
      for (const trial of trials) {
        asked += 1
        yield trial
      }
    },
  }
  return { scenario, asked: () => asked }
}

test('what all trials have kept and refused is summed up', async () => {
  const { scenario } = scenarioOf([SOUND, SOUND, SOUND])
  expect(await runAlone(scenario, '/nowhere', OPTIONS)).toMatchObject({
    ...{ name: 'lone', result: 'passed', cycles: 3, asked: 9, acknowledged: 6, refused: 3 },
    ...{ lost: 0, forged: 0, duplicated: 0, problems: [] },
  })
})

test('no more trials are asked for than are wanted', async () => {
  const { scenario, asked } = scenarioOf([SOUND, SOUND, SOUND])
  const report = await runAlone(scenario, '/nowhere', { ...OPTIONS, cycles: 2 })
  expect([report.cycles, asked()]).toEqual([2, 2])
})

test('the first trial that fails is the last one, and says why', async () => {
  for (const what of ['lost', 'forged', 'duplicated', 'problems'] as const) {
    const { scenario, asked } = scenarioOf([SOUND, { ...SOUND, [what]: ['it'] }, SOUND])
    const report = await runAlone(scenario, '/nowhere', OPTIONS)
    expect(report).toMatchObject({ result: 'failed', cycles: 2, problems: ['it'] })
    if (what !== 'problems') expect(report[what]).toBe(1)
    expect(asked()).toBe(2)
  }
})
