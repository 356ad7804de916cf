import type { Scenario, Torture } from '../scenario.ts'
import type { TorturedProcess } from '../tortured-process.ts'
import { pause } from '../waiting.ts'

const BEFORE_MS_MAX = 600
const DOWN_MS_MAX = 800
/** In this share of cycles the next kill comes before this one is recovered from. */
const HASTY_SHARE = 0.25
const HASTE_MS_MAX = 1_500
const ANSWERS_BETWEEN = 10

type Victim = (torture: Torture) => TorturedProcess

const VICTIMS = {
  authz: ({ cluster }) => cluster.authz,
  audit: ({ cluster }) => cluster.audit,
  'nats-server': ({ cluster, random }) =>
    cluster.nats.members[random.between(0, cluster.nats.members.length - 1)] ?? cluster.audit,
} as const satisfies Record<string, Victim>

/** Kills one at a random instant and starts it again, sometimes without waiting for it. */
async function killOne(torture: Torture, victim: Victim): Promise<void> {
  const { cluster, load, random, stop } = torture
  await pause(random.between(0, BEFORE_MS_MAX), stop)
  const process = victim(torture)
  await process.kill()
  await pause(random.between(0, DOWN_MS_MAX), stop)
  await process.start()
  if (random.chance(HASTY_SHARE)) {
    await pause(random.between(0, HASTE_MS_MAX), stop)
    return
  }
  await cluster.restore(stop)
  await load.answersMore(ANSWERS_BETWEEN, `after ${process.name} was killed`, stop)
}

export const killAuthz: Scenario = {
  name: 'kill-authz',
  summary: 'kill -9 of authz: what it answered is in its journal and reaches the log.',
  cycle: (torture) => killOne(torture, VICTIMS.authz),
}

export const killAudit: Scenario = {
  name: 'kill-audit',
  summary: 'kill -9 of audit: the log goes on where it was durable, and decisions do not stop.',
  cycle: (torture) => killOne(torture, VICTIMS.audit),
}

export const killNats: Scenario = {
  name: 'kill-nats',
  summary: 'kill -9 of nats-server: what was acknowledged arrives, and decisions do not stop.',
  cycle: (torture) => killOne(torture, VICTIMS['nats-server']),
}

export const killAll: Scenario = {
  name: 'kill-all',
  summary: 'kill -9 of authz, audit or nats-server, whichever chance picks.',
  cycle: (torture) =>
    killOne(torture, VICTIMS[torture.random.pick(['authz', 'audit', 'nats-server'])]),
}
