import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import {
  type DecisionPoint,
  type HttpAnswer,
  opaBinary,
  sendHttp,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamLines,
  type TestBus,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { afterEach, expect, test, vi } from 'vitest'

/** A decision point of several processes. */

const DEADLINE_MS = 20_000
vi.setConfig({ testTimeout: 60_000 })
const POLICIES = { 'authz.rego': 'package envoy.authz\n\ndefault allow := true\n' }
const TWO = { VERDICT_AUTHZ_PROCESSES: '2' }

let resources = new AsyncDisposableStack()
afterEach(async () => {
  const used = resources
  resources = new AsyncDisposableStack()
  await used.disposeAsync()
})

async function setUp(settings: Record<string, string> = {}) {
  const bus = resources.use(await startBus())
  resources.use(await startIdentityResponder(bus))
  const point = resources.use(
    await startDecisionPoint({ bus, policies: POLICIES, settings: { ...TWO, ...settings } }),
  )
  await allStarted(point)
  return { bus, point }
}

/** The pids of the processes that have started since the last `up`, by their indexes. */
function started(point: DecisionPoint): { process: number; pid: number }[] {
  return point.process.output
    .split('\n')
    .filter((line) => line.includes('"event":"process_started"'))
    .map((line) => JSON.parse(line) as { process: number; pid: number })
}

async function allStarted(point: DecisionPoint, count = 2): Promise<void> {
  const what = `${count} processes to have started`
  await waitFor(() => started(point).length >= count, { deadlineMs: DEADLINE_MS, what })
}

/** A decision over a connection of its own, which goes to the next process. */
async function decide(point: DecisionPoint): Promise<HttpAnswer> {
  return await sendHttp(point.process.url('/check/a'), { headers: { connection: 'close' } })
}

async function decideMany(point: DecisionPoint, count: number): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => decide(point)))
  return answers.map(({ headers }) => String(headers['x-verdict-decision-id']))
}

/** The lines of these decisions, once they are all in the stream. */
async function streamed(bus: TestBus, ids: readonly string[]) {
  const wanted = new Set<string>(ids)
  const of = async () => (await streamLines(bus)).filter(({ record }) => wanted.has(record.id))
  const what = `${wanted.size} decisions to be in the stream`
  await waitFor(async () => (await of()).length >= wanted.size, { deadlineMs: DEADLINE_MS, what })
  return await of()
}

test('each process has its own journal, and one build of the policies is enough', async () => {
  const scratch = resources.use(temporaryDirectory()).path
  const [opa, calls] = [join(scratch, 'opa'), join(scratch, 'calls')]
  writeFileSync(calls, '')
  writeFileSync(opa, `#!/bin/sh\necho "$1" >> '${calls}'\nexec '${await opaBinary()}' "$@"\n`)
  chmodSync(opa, 0o755)
  const { bus, point } = await setUp({ VERDICT_AUTHZ_OPA: opa })
  const ids = await decideMany(point, 20)
  const lines = await streamed(bus, ids)
  expect(lines).toHaveLength(ids.length)
  const instances = new Set(lines.map(({ record }) => record.instance))
  expect(instances.size).toBe(2)
  const places = new Set(lines.map(({ record }) => `${record.instance} ${record.n}`))
  expect(places.size).toBe(ids.length)
  const outcome = 'verdict_decisions_total{outcome="allow",protocol="http"}'
  expect(await point.metric(outcome)).toBe(ids.length)
  const builds = () => readFileSync(calls, 'utf8').match(/^check$/gm)?.length
  expect(builds()).toBe(1)

  point.write({ 'authz.rego': 'package envoy.authz\n\ndefault allow := false\n' })
  const active = () => point.process.output.match(/"event":"policy_active"/g)?.length === 4
  await waitFor(active, { deadlineMs: DEADLINE_MS, what: 'both to have the new policy' })
  expect(builds()).toBe(2)
  for (let i = 0; i < 4; i += 1) expect((await decide(point)).status).toBe(403)
})

test('what processes left that are not started any more is shipped by the first', async () => {
  const { bus, point } = await setUp()
  await bus.kill()
  // Answered with a fault, for authn is out of reach; the record of it is on disk.
  const ids = await decideMany(point, 20)
  expect(await point.end('SIGTERM')).toBe(0)
  await bus.up()
  await point.up({ VERDICT_AUTHZ_PROCESSES: '1' })
  const lines = await streamed(bus, ids)
  expect(lines).toHaveLength(ids.length)
  expect(new Set(lines.map(({ record }) => record.instance)).size).toBe(2)
  const detail = async () => (await point.readiness()).checks['left_journals']?.detail
  await waitFor(async () => (await detail())?.endsWith('to be shipped: 0'), {
    deadlineMs: DEADLINE_MS,
    what: 'nothing to be left',
  })
  expect(point.process.output).toContain('"event":"left_journal_shipped"')

  // The journal goes on where it was when there are two again.
  expect(await point.end('SIGTERM')).toBe(0)
  await point.up()
  await allStarted(point)
  const more = await streamed(bus, await decideMany(point, 20))
  const known = new Set(lines.map(({ record }) => record.instance))
  expect(new Set(more.map(({ record }) => record.instance))).toEqual(known)
})

test('a journal that can not be shipped is told, and no reason not to decide', async () => {
  const { point } = await setUp()
  expect(await point.end('SIGTERM')).toBe(0)
  writeFileSync(join(point.directory, 'data/journal-2/journal.json'), 'no identity')
  await point.up({ VERDICT_AUTHZ_PROCESSES: '1' })
  const health = async () => (await point.readiness()).checks['left_journals']
  const what = 'the journal to be told'
  await waitFor(async () => (await health())?.detail.includes('damaged'), {
    deadlineMs: DEADLINE_MS,
    what,
  })
  expect(point.process.output).toContain('"event":"left_journal_failed"')
  expect((await decide(point)).status).toBe(200)
})

test('processes share the sockets, and a new one listens there too', async () => {
  const path = join(resources.use(temporaryDirectory()).path, 'http.sock')
  const { point } = await setUp({ VERDICT_AUTHZ_HTTP_SOCKET: path })
  const isOpen = async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const socket = connect(path)
    socket.once('connect', () => socket.write('GET /healthz HTTP/1.0\r\n\r\n'))
    socket.once('data', (data) => resolve(String(data).includes(' 200 ')))
    socket.once('error', () => resolve(false))
    return await promise.finally(() => socket.destroy())
  }
  for (const [i, { pid }] of started(point).entries()) {
    process.kill(pid, 'SIGKILL')
    await allStarted(point, 3 + i)
    for (let n = 0; n < 4; n += 1) expect(await isOpen()).toBe(true)
  }
  expect(await point.end('SIGTERM')).toBe(0)
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()

  // What is left of a kill of all is cleared away once.
  await point.up()
  await allStarted(point)
  const pids = started(point).map(({ pid }) => pid)
  await point.end('SIGKILL')
  await waitFor(() => pids.every(isGone), { deadlineMs: DEADLINE_MS, what: 'all to end' })
  expect(statSync(path).isSocket()).toBe(true)
  await point.up()
  await allStarted(point)
  for (let n = 0; n < 4; n += 1) expect(await isOpen()).toBe(true)
})

test('a journal too small to be shared is told at the start', async () => {
  const bus = resources.use(await startBus())
  const settings = { VERDICT_AUTHZ_PROCESSES: '8', VERDICT_AUTHZ_JOURNAL_BYTES_MAX: '256KiB' }
  const options = { bus, policies: POLICIES, settings, waitUntilReady: false }
  const point = resources.use(await startDecisionPoint(options))
  await expect(point.process.waitUntilReady()).rejects.toThrow(/VERDICT_AUTHZ_JOURNAL_BYTES_MAX/)
  expect(await point.process.exited()).toBe(2)
})

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}
