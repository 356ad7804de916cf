import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { allLogged, Cluster, type ProcessName, waitFor } from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { IN_FLIGHT_MAX, SteadyLoad } from './steady-load.ts'

/** `kill -9` of each process in turn, under a steady load of requests. */

const REQUESTS_PER_SECOND = 100
const ANSWERS_BETWEEN_FAULTS = 100
const RECOVERY_DEADLINE_MS = 45_000
const AUTHZ_PROCESSES = 2
const VICTIMS: readonly ProcessName[] = ['authz', 'authn', 'audit', 'telemetry', 'nats-server']

const resources = new AsyncDisposableStack()
let cluster: Cluster

/** What the audit service found wrong, and nothing has put right since. */
async function openFindings(): Promise<unknown[]> {
  const answer = await fetch(`${cluster.url('auditHttp')}/v1/findings`)
  const { findings } = (await answer.json()) as { findings: { resolvedAt?: string }[] }
  return findings.filter(({ resolvedAt }) => resolvedAt === undefined)
}

/** The last pid of each of authz's processes. */
function authzProcesses(): ReadonlyMap<number, number> {
  const lines = readFileSync(join(cluster.dataDir, 'logs', 'authz.log'), 'utf8').split('\n')
  const started = lines.filter((line) => line.includes('"event":"process_started"'))
  return new Map(
    started.map((line) => {
      const { process, pid } = JSON.parse(line) as { process: number; pid: number }
      return [process, pid]
    }),
  )
}

beforeAll(async () => {
  const env = { VERDICT_AUTHZ_PROCESSES: String(AUTHZ_PROCESSES) }
  cluster = resources.use(await Cluster.start({ env }))
  await waitFor(() => authzProcesses().size === AUTHZ_PROCESSES, {
    deadlineMs: RECOVERY_DEADLINE_MS,
    what: 'all processes of authz',
  })
}, 90_000)
afterAll(async () => {
  await resources[Symbol.asyncDispose]()
}, 60_000)

test('each process killed in turn: what was answered is logged once, and all recover', async () => {
  const load = new SteadyLoad(cluster, { perSecond: REQUESTS_PER_SECOND })
  const answersGrow = async (what: string) => {
    const before = load.answered
    await waitFor(() => load.answered >= before + ANSWERS_BETWEEN_FAULTS, {
      deadlineMs: RECOVERY_DEADLINE_MS,
      what: `decisions ${what}`,
    })
  }

  await answersGrow('before any fault')
  for (const [index, pid] of authzProcesses()) {
    const { cut } = load
    process.kill(pid, 'SIGKILL')
    await answersGrow(`while process ${index} of authz is gone`)
    await waitFor(() => authzProcesses().get(index) !== pid, {
      deadlineMs: RECOVERY_DEADLINE_MS,
      what: `process ${index} of authz to be started again`,
    })
    await answersGrow(`after process ${index} of authz was killed`)
    expect(load.cut - cut).toBeLessThanOrEqual(IN_FLIGHT_MAX)
  }
  for (const victim of VICTIMS) {
    const pid = cluster.pid(victim)
    process.kill(pid, 'SIGKILL')
    await waitFor(() => (cluster.findPid(victim) ?? pid) !== pid, {
      deadlineMs: RECOVERY_DEADLINE_MS,
      what: `${victim} to be started again`,
    })
    await cluster.waitUntilReady()
    await answersGrow(`after ${victim} was killed`)
  }
  const { answered, strange } = await load.stop()

  expect(strange).toEqual([])
  expect(new Set(answered).size).toBe(answered.length)
  const wanted = new Set(answered)
  await waitFor(
    async () => {
      const ids = new Set((await allLogged(cluster)).map(({ record }) => record.id as string))
      return wanted.isSubsetOf(ids)
    },
    { deadlineMs: RECOVERY_DEADLINE_MS, what: 'every answered decision to be in the log' },
  )
  const logged = await allLogged(cluster)
  const ids = logged.map(({ record }) => record.id)
  expect(new Set(ids).size).toBe(ids.length)
  const places = logged.map(({ record }) => `${record.instance} ${record.epoch} ${record.n}`)
  expect(new Set(places).size).toBe(places.length)
  await waitFor(async () => (await openFindings()).length === 0, {
    deadlineMs: RECOVERY_DEADLINE_MS,
    what: 'every gap to be closed by a redelivery',
  })
  for (const victim of VICTIMS)
    expect(cluster.output).toMatch(`${victim} ended (signal SIGKILL): starting it again`)
}, 240_000)
