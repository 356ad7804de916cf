import type { Scenario } from '../scenario.ts'
import { pause } from '../waiting.ts'

const AWAY_MS_MIN = 1_000
const AWAY_MS_MAX = 6_000
const ANSWERS_MEANWHILE = 200

export const noAudit: Scenario = {
  name: 'no-audit',
  summary: 'audit is away for long: decisions go on, and all of them arrive afterwards.',
  async cycle({ cluster, load, random, stop }) {
    await cluster.audit.kill()
    await load.answersMore(ANSWERS_MEANWHILE, 'while audit is away', stop)
    await pause(random.between(AWAY_MS_MIN, AWAY_MS_MAX), stop)
    await cluster.restore(stop)
  },
}
