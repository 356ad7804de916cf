import type { Scenario } from '../scenario.ts'
import { pause } from '../waiting.ts'

const PAUSED_MS_MIN = 50
const PAUSED_MS_MAX = 4_000
const ANSWERS_BETWEEN = 20

export const stopCont: Scenario = {
  name: 'stop-cont',
  summary: 'authz, audit or nats-server stands still (SIGSTOP) and goes on (SIGCONT).',
  async cycle({ cluster, load, random, stop }) {
    const [server = cluster.audit] = cluster.nats.members
    const victim = random.pick([cluster.authz, cluster.audit, server])
    victim.pause()
    try {
      await pause(random.between(PAUSED_MS_MIN, PAUSED_MS_MAX), stop)
    } finally {
      victim.resume()
    }
    await load.answersMore(ANSWERS_BETWEEN, `after ${victim.name} stood still`, stop)
  },
}
