import type { Scenario } from '../scenario.ts'
import { pause } from '../waiting.ts'

const BEFORE_MS_MAX = 500
const DOWN_MS_MAX = 3_000
/** So many are decided while nobody leads the stream. */
const ANSWERS_MEANWHILE = 50

export const natsLeader: Scenario = {
  name: 'nats-leader',
  summary: 'kill -9 of the leader of three nats-servers: decisions go on while they elect.',
  cluster: { servers: 3 },
  async cycle({ cluster, load, random, stop }) {
    const leader = cluster.nats.members[await cluster.nats.whole(stop)]
    await pause(random.between(0, BEFORE_MS_MAX), stop)
    await leader?.kill()
    await load.answersMore(ANSWERS_MEANWHILE, 'while the leader is gone', stop)
    await pause(random.between(0, DOWN_MS_MAX), stop)
    await leader?.start()
    await cluster.nats.whole(stop)
  },
}
