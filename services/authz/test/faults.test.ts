import { onHeartbeat, publishCovered } from '@verdict/bus'
import type { Heartbeat, IdentifyReply } from '@verdict/contract'
import {
  type DecisionPoint,
  type DecisionPointOptions,
  remembered,
  sendHttp,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamedDecision,
  streamLines,
  type TestBus,
  waitFor,
} from '@verdict/kit'
import { afterEach, expect, test } from 'vitest'
import { healthOf } from './raw-client.ts'

/** What a decision point does when something it rests on is gone, changes or comes back. */

const DEADLINE_MS = 20_000
const UNAVAILABLE = 14
const RESOURCE_EXHAUSTED = 8

const POLICY =
  'package envoy.authz\n\ndefault allow := false\n\nallow if input.parsed_path[0] == "a"\n'
const OTHER_POLICY = POLICY.replace('"a"', '"b"')

let resources = new AsyncDisposableStack()

afterEach(async () => {
  const used = resources
  resources = new AsyncDisposableStack()
  await used.disposeAsync()
})

async function setUp(
  options: Partial<DecisionPointOptions> = {},
  answer?: () => IdentifyReply | Promise<IdentifyReply>,
) {
  const bus = resources.use(options.bus ?? (await startBus()))
  const authn = resources.use(await startIdentityResponder(bus, answer))
  const point = await start(bus, options)
  const client = resources.use(point.client())
  return { bus, authn, point, client }
}

async function start(
  bus: TestBus,
  options: Partial<DecisionPointOptions> = {},
): Promise<DecisionPoint> {
  const policies = { 'authz.rego': POLICY }
  return resources.use(await startDecisionPoint({ bus, policies, ...options }))
}

function request(path: string): object {
  return { request: { http: { method: 'GET', path } } }
}

test('authn that does not answer is a fault, and its return is noticed', async () => {
  const bus = resources.use(await startBus())
  const point = await start(bus, { settings: { VERDICT_AUTHZ_IDENTIFY_TIMEOUT: '300ms' } })
  const client = resources.use(point.client())
  await expect(client.check(request('/a'))).rejects.toMatchObject({
    code: UNAVAILABLE,
    details: expect.stringMatching(/^identity_unavailable: /),
  })
  const answer = await sendHttp(point.process.url('/check/a'))
  expect(answer.status).toBe(503)
  const record = (await streamedDecision(bus, String(answer.headers['x-verdict-decision-id'])))
    .record
  expect(record).toMatchObject({ outcome: 'error', reason: 'identity_unavailable', status: 503 })
  resources.use(await startIdentityResponder(bus))
  expect(await client.check(request('/a'))).toMatchObject({ status: {} })
})

test('a decision point without a bus starts, says so, and works when the bus comes', async () => {
  const bus = resources.use(await startBus())
  await bus.kill()
  const point = await start(bus, { waitUntilReady: false })
  await waitFor(() => point.readiness().catch(() => undefined), {
    deadlineMs: DEADLINE_MS,
    what: 'the listener',
  })
  const { checks, status } = await point.readiness()
  expect(status).toBe('not_ready')
  expect(checks['bus']?.ok).toBe(false)
  expect(checks['policy']?.ok).toBe(true)
  expect(await healthOf(point.grpcPort)).toBe('NOT_SERVING')
  const client = resources.use(point.client())
  await expect(client.check(request('/a'))).rejects.toMatchObject({ code: UNAVAILABLE })
  const refused = await sendHttp(point.process.url('/check/a'))
  expect(refused.status).toBe(503)
  await bus.up()
  resources.use(await startIdentityResponder(bus))
  await point.process.waitUntilReady()
  expect(await healthOf(point.grpcPort)).toBe('SERVING')
  expect(await client.check(request('/a'))).toMatchObject({ status: {} })
  // What happened meanwhile was kept, and is in the stream now.
  const record = (await streamedDecision(bus, String(refused.headers['x-verdict-decision-id'])))
    .record
  expect(record).toMatchObject({ outcome: 'error', reason: 'identity_unavailable' })
})

test('decisions go on without a bus until the journal is full, and again with one', async () => {
  const { bus, point, client } = await setUp({
    settings: { VERDICT_AUTHZ_JOURNAL_BYTES_MAX: '256KiB' },
  })
  await client.check(request('/a'))
  await bus.kill()
  let decided = 1
  const full = await waitFor(
    async () => {
      const asked = Array.from({ length: 32 }, async () => await client.check(request('/a')))
      const settled = await Promise.allSettled(asked)
      decided += settled.filter(({ status }) => status === 'fulfilled').length
      return settled.find((result) => result.status === 'rejected')?.reason
    },
    { deadlineMs: DEADLINE_MS, what: 'the journal to be full' },
  )
  expect(full).toMatchObject({
    code: UNAVAILABLE,
    details: expect.stringMatching(/^record_failed: /),
  })
  expect(decided).toBeGreaterThan(100)
  const { status, checks } = await point.readiness()
  expect(status).toBe('not_ready')
  expect(checks['journal']).toMatchObject({ ok: false, detail: expect.stringMatching(/^full/) })
  await bus.up()
  const shipped = await waitFor(
    async () => {
      const lines = await streamLines(bus)
      return lines.length >= decided ? lines : undefined
    },
    { deadlineMs: DEADLINE_MS, what: 'all records in the stream' },
  )
  // They are in the stream, and the journal stays full until they are in the log.
  await expect(client.check(request('/a'))).rejects.toMatchObject({ code: UNAVAILABLE })
  const { instance, epoch, n } = shipped.at(-1)?.record ?? expect.unreachable()
  const audit = await bus.connect('audit')
  publishCovered(audit, { instance, epoch, n, checkpoint: { origin: 'log', size: n } })
  await point.process.waitUntilReady()
  expect(await client.check(request('/a'))).toMatchObject({ status: {} })
  await waitFor(async () => (await streamLines(bus)).length >= decided + 1, {
    deadlineMs: DEADLINE_MS,
    what: 'all records in the stream',
  })
  const places = (await streamLines(bus)).map(({ record }) => record.n)
  expect(new Set(places).size).toBe(decided + 1)
})

test('a policy that changes decides at once, a broken one leaves the last good one', async () => {
  const { point, client } = await setUp()
  const decides = async (allowed: string): Promise<boolean> =>
    !('code' in (await client.check(request(allowed))).status)
  expect(await decides('/a')).toBe(true)
  const before = (await point.readiness()).checks['policy']?.detail
  point.write({ 'authz.rego': OTHER_POLICY })
  await waitFor(() => decides('/b'), { deadlineMs: DEADLINE_MS, what: 'the new policy' })
  expect(await decides('/a')).toBe(false)
  point.write({ 'authz.rego': 'package envoy.authz\n\nallow if {' })
  const refused = await waitFor(
    async () => {
      const policy = (await point.readiness()).checks['policy']
      return policy?.detail.includes('refused') ? policy.detail : undefined
    },
    { deadlineMs: DEADLINE_MS, what: 'the refusal' },
  )
  expect(refused).toContain('authz.rego:3')
  expect(refused).not.toContain(before)
  expect(await decides('/b')).toBe(true)
  expect(await point.metric('verdict_policy_changes_total{result="refused"}')).toBe(1)
  point.write({ 'authz.rego': POLICY })
  await waitFor(() => decides('/a'), { deadlineMs: DEADLINE_MS, what: 'the mended policy' })
})

test('more requests than may be in flight are told to come later', async () => {
  const asked = Promise.withResolvers<IdentifyReply>()
  const { point, client } = await setUp(
    {
      settings: { VERDICT_AUTHZ_REQUESTS_MAX: '1', VERDICT_AUTHZ_IDENTIFY_TIMEOUT: '20s' },
    },
    () => asked.promise,
  )
  const first = client.check(request('/a'), DEADLINE_MS)
  await waitFor(
    async () => (await point.metric('verdict_identity_cache_total{result="miss"}')) === 1,
    { deadlineMs: DEADLINE_MS, what: 'the first request' },
  )
  await expect(client.check(request('/a'))).rejects.toMatchObject({
    code: RESOURCE_EXHAUSTED,
    details: expect.stringMatching(/^overloaded: /),
  })
  const answer = await sendHttp(point.process.url('/check/a'))
  expect(answer.status).toBe(503)
  expect(answer.headers['retry-after']).toBe('1')
  asked.resolve(remembered({ status: 'anonymous' }))
  expect(await first).toMatchObject({ status: {} })
  expect(await client.check(request('/a'))).toMatchObject({ status: {} })
})

test('a stop answers what was begun, loses no record, and fails no request', async () => {
  const { bus, point } = await setUp()
  const answered: string[] = []
  const failed: unknown[] = []
  let stopping = false
  const load = Array.from({ length: 8 }, async () => {
    using client = point.client()
    for (;;) {
      const late = stopping
      try {
        const { dynamic_metadata } = await client.check(request('/a'))
        answered.push(dynamic_metadata?.fields['decision_id']?.stringValue ?? '')
      } catch (error) {
        if (!late) failed.push(error)
        return
      }
    }
  })
  await waitFor(() => answered.length > 500, { deadlineMs: DEADLINE_MS, what: 'a steady load' })
  // Who asks from now on may find nobody; what was asked before is answered.
  const exit = point.end('SIGTERM')
  stopping = true
  await Promise.all(load)
  expect(await exit).toBe(0)
  expect(failed).toEqual([])
  const stored = (await streamLines(bus)).map(({ record }) => record.id as string)
  expect(new Set(stored).size).toBe(stored.length)
  expect(answered.filter((id) => !stored.includes(id))).toEqual([])
})

test('a decision point that is killed ships its records at the next start', async () => {
  const { bus, point, client } = await setUp()
  await client.check(request('/a'))
  await bus.kill()
  const ids: (string | undefined)[] = []
  for (let i = 0; i < 20; i++) {
    const { dynamic_metadata } = await client.check(request('/a'))
    ids.push(dynamic_metadata?.fields['decision_id']?.stringValue)
  }
  await point.end('SIGKILL')
  await bus.up()
  await point.up()
  for (const id of ids) (await streamedDecision(bus, id)).record
  const lines = await streamLines(bus)
  expect(new Set(lines.map(({ record }) => record.instance)).size).toBe(1)
})

test('heartbeats tell the policy and the place of the journal', async () => {
  const { bus, client } = await setUp()
  // Behind the activation of the policies.
  await client.check(request('/a'))
  const beats: Heartbeat[] = []
  const hearing = onHeartbeat(await bus.connect('telemetry'), (beat) => beats.push(beat))
  const beat = await waitFor(() => beats.find(({ facts }) => facts['shipped'] === 2), {
    deadlineMs: DEADLINE_MS,
    what: 'a heartbeat',
  })
  hearing.stop()
  expect(beat).toMatchObject({
    service: 'authz',
    ready: true,
    instance: expect.stringMatching(/^authz-[0-9a-f]{8}$/),
    facts: { revision: expect.stringMatching(/^[0-9a-f]{64}$/), n: 2, shipped: 2 },
  })
})
