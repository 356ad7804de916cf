import type { Scenario, Torture } from '../scenario.ts'
import { pause, until } from '../waiting.ts'

const TOLD_DEADLINE_MS = 60_000
const FULL_MS_MAX = 2_000
const ANSWERS_MEANWHILE = 20
const ANSWERS_AFTER = 20
/** What authz says of a batch that the stream does not take. */
const NOT_SHIPPED = 'journal_ship_retry'

type Victim = 'authz' | 'audit' | 'nats'

/** How each says that its disk is full. */
const SYMPTOMS: Readonly<Record<Victim, (torture: Torture) => () => Promise<boolean>>> = {
  authz: ({ cluster, load }) => {
    const before = load.refused
    return async () => load.refused > before && !(await cluster.authz.ready())
  },
  audit:
    ({ cluster }) =>
    async () =>
      !(await cluster.audit.ready()),
  nats: ({ cluster }) => {
    const before = cluster.authz.said()
    return async () => {
      const said = await cluster.authz.said()
      return said.slice((await before).length).includes(NOT_SHIPPED)
    }
  },
}

export const diskFull: Scenario = {
  name: 'disk-full',
  summary: 'the disk of authz, audit or nats-server is full: it is told, and goes on with room.',
  needs: ['mount'],
  cluster: { disks: true },
  async cycle(torture) {
    const { cluster, load, random, stop } = torture
    const victim = random.pick<Victim>(['authz', 'audit', 'nats'])
    const disk = cluster.disks?.[victim]
    const told = SYMPTOMS[victim](torture)
    await disk?.fill(random.next())
    try {
      const what = `a word of the full disk of ${victim}`
      await until(told, { deadlineMs: TOLD_DEADLINE_MS, what, stop })
      if (victim !== 'authz') {
        await load.answersMore(ANSWERS_MEANWHILE, `while the disk of ${victim} is full`, stop)
      }
      await pause(random.between(0, FULL_MS_MAX), stop)
    } finally {
      await disk?.makeRoom()
    }
    // What it could not store it does not try again before the next start.
    if (victim === 'nats') await cluster.nats.members[0]?.kill()
    await cluster.restore(stop)
    await load.answersMore(ANSWERS_AFTER, 'when there is room again', stop)
  },
}
