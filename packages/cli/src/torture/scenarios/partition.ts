import type { Scenario } from '../scenario.ts'
import { pause } from '../waiting.ts'

/** An election takes 4 to 9 s: some partitions end before it, some after. */
const CUT_MS_MIN = 2_000
const CUT_MS_MAX = 12_000
const LEADER_SHARE = 0.5
const OUTSIDE_SHARE = 0.5
const ANSWERS_MEANWHILE = 50

export const partition: Scenario = {
  name: 'partition',
  summary: 'one of three nats-servers is cut off, with its clients or without: decisions go on.',
  needs: ['root', 'ip'],
  cluster: { servers: 3, namespaces: true },
  async cycle({ cluster, load, random, stop }) {
    const leader = await cluster.nats.whole(stop)
    const index = random.chance(LEADER_SHARE) ? leader : random.between(0, 2)
    const how = { outside: random.chance(OUTSIDE_SHARE) }
    await cluster.namespaces?.cut(index, how)
    try {
      await load.answersMore(ANSWERS_MEANWHILE, 'while a server is cut off', stop)
      await pause(random.between(CUT_MS_MIN, CUT_MS_MAX), stop)
    } finally {
      await cluster.namespaces?.heal(index, how)
    }
    await cluster.nats.whole(stop)
  },
}
