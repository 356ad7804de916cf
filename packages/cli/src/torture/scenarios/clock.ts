import type { Scenario } from '../scenario.ts'
import { pause } from '../waiting.ts'

const HOURS_2_MS = 2 * 3_600_000
const ANSWERS_AFTER = 50
const AFTER_MS_MAX = 1_000

export const clock: Scenario = {
  name: 'clock',
  summary: 'the clocks of authz and audit jump by up to two hours: order and durations hold.',
  cluster: { clocks: true },
  async cycle({ cluster, load, random, stop }) {
    for (const each of [cluster.clocks.authz, cluster.clocks.audit]) {
      const step = random.pick([HOURS_2_MS, -HOURS_2_MS, 0, random.between(-60_000, 60_000)])
      await each.set(step)
    }
    await pause(random.between(0, AFTER_MS_MAX), stop)
    await load.answersMore(ANSWERS_AFTER, 'after the clocks were set', stop)
  },
}
