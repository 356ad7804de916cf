import assert from 'node:assert/strict'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory, waitFor } from '@verdict/kit'
import { afterEach, expect, test, vi } from 'vitest'
import {
  DEADLINE_MS,
  killAll,
  type Started,
  seen,
  start as startOf,
} from '../../test/service-program.ts'

const SHARED = 'shared-service.ts'
vi.setConfig({ testTimeout: 60_000 })

afterEach(killAll)

/** Waits until all of its processes work. */
async function running(...[env]: [env?: Record<string, string>]): Promise<Started> {
  const service = await startOf(SHARED, env)
  // Each process says so of itself; the last line is of the one that started them.
  const isOfAll = (line: Record<string, unknown>) => line['process'] === undefined
  await until(() => service.events('service_started').some(isOfAll), 'all processes')
  return service
}

interface Who {
  readonly index: number
  readonly count: number
  readonly pid: number
  /** Slow requests that it has begun. */
  readonly slow: number
}

async function who({ base }: Started): Promise<Who> {
  return (await (await fetch(`${base}/who`)).json()) as Who
}

function kill({ pid }: Pick<Who, 'pid'>, signal: NodeJS.Signals): void {
  process.kill(pid, signal)
}

/** Connections are handed out by turns: so many of them reach every process. */
async function all(service: Started): Promise<Who[]> {
  const answers = await Promise.all(Array.from({ length: 8 }, () => who(service)))
  return [...new Map(answers.map((answer) => [answer.index, answer])).values()].toSorted(
    (a, b) => a.index - b.index,
  )
}

/** A process that hangs answers nobody: then it is undefined after so long. */
const SCRAPE_MS_MAX = 2_000

async function metric({ base }: Started, name: string): Promise<number | undefined> {
  const signal = AbortSignal.timeout(SCRAPE_MS_MAX)
  const asked = fetch(`${base}/metrics`, { signal }).then((answer) => answer.text())
  const text = await asked.catch(() => '')
  const line = text.split('\n').find((each) => each.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.slice(name.length))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  await waitFor(condition, { deadlineMs: DEADLINE_MS, what })
}

test('several processes answer on one port, and are prepared once', async () => {
  await using folder = temporaryDirectory()
  const mark = join(folder.path, 'mark')
  const service = await running({ VERDICT_AUTHN_MARK: mark })
  const [first, second] = await all(service)
  expect(first).toMatchObject({ index: 1, count: 2 })
  expect(second).toMatchObject({ index: 2, count: 2 })
  expect(first?.pid).not.toBe(second?.pid)
  expect(existsSync(mark)).toBe(true)
  const processes = service.events('process_started').map((line) => line['process'])
  expect(processes).toEqual([1, 2])
})

test('a single process is prepared too, and is its own first', async () => {
  const prepared = { VERDICT_AUTHN_PROCESSES: '1', VERDICT_AUTHN_BEHAVIOUR: 'prepare-fails' }
  const broken = await startOf(SHARED, prepared)
  expect(await broken.exit).toBe(1)
  const service = await running({ VERDICT_AUTHN_PROCESSES: '1' })
  expect(await who(service)).toMatchObject({ index: 1, count: 1, pid: service.child.pid })
  expect(await metric(service, 'verdict_processes')).toBeUndefined()
})

test('when a process is killed the others answer on, and it is replaced', async () => {
  const service = await running()
  const [first, second] = await all(service)
  assert(first && second)
  kill(second, 'SIGKILL')
  await seen(service, 'process_ended')
  for (let i = 0; i < 8; i += 1) expect((await who(service)).pid).not.toBe(second.pid)
  await until(async () => (await all(service)).length === 2, 'two processes')
  const [still, next] = await all(service)
  expect(still?.pid).toBe(first?.pid)
  expect(next).toMatchObject({ index: 2, count: 2 })
  expect(next?.pid).not.toBe(second?.pid)
  expect(service.events('process_ended')).toMatchObject([
    { level: 'warn', process: 2, how: 'signal SIGKILL' },
  ])
  expect(service.child.exitCode).toBeNull()
})

test('a process that can not start again is tried again, less and less often', async () => {
  await using folder = temporaryDirectory()
  const broken = join(folder.path, 'broken')
  const service = await running({ VERDICT_AUTHN_BROKEN: broken })
  writeFileSync(broken, '')
  const [first] = await all(service)
  assert(first)
  kill(first, 'SIGKILL')
  await until(() => service.events('process_ended').length === 4, 'four ends')
  const waits = service.events('process_ended').map((line) => line['retryMs'])
  expect(waits).toEqual([100, 200, 400, 800])
  expect(await who(service)).toMatchObject({ index: 2 })
  rmSync(broken)
  await until(async () => (await all(service)).length === 2, 'two processes')
})

test('one /metrics adds up all processes, and no total goes back when one dies', async () => {
  const service = await running()
  for (let i = 0; i < 10; i += 1) await who(service)
  expect(await metric(service, 'requests_total')).toBe(10)
  expect(await metric(service, 'verdict_processes')).toBe(2)
  expect(await metric(service, 'verdict_processes_missing')).toBe(0)
  expect(await metric(service, 'process_start_time_seconds')).toBeGreaterThan(0)
  const builds = (await (await fetch(`${service.base}/metrics`)).text()).match(
    /^verdict_build_info\{.*\} 1$/gm,
  )
  expect(builds).toHaveLength(1)

  // Killed: what the last scrape saw stays. Ended in order: so does what it counted after that.
  kill(await who(service), 'SIGKILL')
  await seen(service, 'process_ended')
  expect(await metric(service, 'requests_total')).toBeGreaterThanOrEqual(10)
  await until(async () => (await metric(service, 'verdict_processes_missing')) === 0, 'the next')
  const before = (await metric(service, 'requests_total')) ?? 0
  for (let i = 0; i < 3; i += 1) await who(service)
  kill(await who(service), 'SIGTERM')
  await until(() => service.events('process_ended').length === 2, 'the second end')
  expect(await metric(service, 'requests_total')).toBe(before + 4)
  expect(await metric(service, 'verdict_process_restarts_total')).toBe(2)
})

test('a process that does not tell its metrics in time is missing, and its totals stay', async () => {
  const service = await running()
  for (let i = 0; i < 6; i += 1) await who(service)
  expect(await metric(service, 'requests_total')).toBe(6)
  const hanging = fetch(`${service.base}/hang`, { method: 'POST' })
  // The process that hangs may be asked too, and does not answer.
  const told = async (name: string) =>
    await Promise.all([1, 2, 3, 4].map(() => metric(service, name)))
  await until(async () => (await told('verdict_processes_missing')).includes(1), 'a miss')
  const totals = (await told('requests_total')).filter((total) => total !== undefined)
  expect(new Set(totals)).toEqual(new Set([6]))
  await (await hanging).json()
  await until(async () => (await metric(service, 'verdict_processes_missing')) === 0, 'none')
})

test('a stop drains all processes: no request fails, and none is left', async () => {
  const service = await running()
  const pids = (await all(service)).map(({ pid }) => pid)
  const slow = Array.from({ length: 6 }, () => fetch(`${service.base}/slow`))
  await until(async () => (await all(service)).every((each) => each.slow > 0), 'slow requests')
  service.child.kill('SIGTERM')
  for (const answer of slow) expect(await (await answer).json()).toEqual({ finished: true })
  expect(await service.exit).toBe(0)
  expect(service.events('service_stopped')).toHaveLength(3)
  expect(service.events('process_ended')).toEqual([])
  expect(pids.filter(isAlive)).toEqual([])
})

test('what a terminal sends to all processes stops each of them once', async () => {
  const service = await running()
  const pids = (await all(service)).map(({ pid }) => pid)
  for (const pid of pids) kill({ pid }, 'SIGINT')
  service.child.kill('SIGINT')
  expect(await service.exit).toBe(0)
  expect(service.events('service_stopping')).toHaveLength(3)
  expect(service.events('process_ended')).toEqual([])
  expect(service.err()).toBe('')
})

test('a process that does not stop in time makes it a fault, with code 1', async () => {
  const settings = { VERDICT_AUTHN_BEHAVIOUR: 'stop-hangs', VERDICT_STOP_TIMEOUT: '300ms' }
  const service = await running(settings)
  service.child.kill('SIGTERM')
  expect(await service.exit).toBe(1)
  const failed = service.events('service_failed')
  expect(failed.filter((line) => line['process'] !== undefined)).toHaveLength(2)
  expect(failed.at(-1)).toMatchObject({ err: { code: 'process_failed' } })
})

test('processes end when the one that started them is killed', async () => {
  const service = await running()
  const pids = (await all(service)).map(({ pid }) => pid)
  service.child.kill('SIGKILL')
  await until(() => !pids.some(isAlive), 'the end of all')
})

test('a process that can not start is the end of all, with code 1', async () => {
  const service = await startOf(SHARED, { VERDICT_AUTHN_BEHAVIOUR: 'second-fails' })
  expect(await service.exit).toBe(1)
  const failed = service.events('service_failed')
  expect(failed).toMatchObject([
    { process: 2, msg: 'no such luck' },
    { err: { code: 'process_failed' } },
  ])
  expect(service.events('service_stopped')).toHaveLength(3)
})

test('settings that only a start can judge are told once, with code 2', async () => {
  const service = await startOf(SHARED, { VERDICT_AUTHN_BEHAVIOUR: 'config-fails' })
  expect(await service.exit).toBe(2)
  expect(service.err().match(/VERDICT_AUTHN_BEHAVIOUR names nothing/g)).toHaveLength(1)
})

test('settings that can not be used start no process', async () => {
  const service = await startOf(SHARED, { VERDICT_AUTHN_PROCESSES: 'many' })
  expect(await service.exit).toBe(2)
  expect(service.err()).toContain("VERDICT_AUTHN_PROCESSES can't be `many`")
  expect(service.out()).toBe('')
})

test('a port in use names the setting to change, also with several processes', async () => {
  const one = await running()
  const port = new URL(one.base).port
  const other = await startOf(SHARED, { VERDICT_AUTHN_HTTP_PORT: port })
  expect(await other.exit).toBe(1)
  expect(other.events('service_failed')[0]).toMatchObject({ err: { code: 'cannot_listen' } })
})
