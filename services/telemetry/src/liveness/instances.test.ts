import { HEARTBEAT_DEADLINE_MS, type Heartbeat } from '@verdict/contract'
import { createMetrics } from '@verdict/service'
import { expect, test } from 'vitest'
import { addInstanceMetrics } from './instance-metrics.ts'
import { FORGET_MS, Instances } from './instances.ts'

const START_MS = Date.parse('2026-03-01T00:00:00Z')

function clocked(instancesMax?: number) {
  const clock = { nowMs: START_MS }
  const now = (): number => clock.nowMs
  return {
    instances: new Instances(instancesMax === undefined ? { now } : { now, instancesMax }),
    pass: (ms: number): void => {
      clock.nowMs += ms
    },
  }
}

function beat(parts: Partial<Heartbeat> = {}): Heartbeat {
  return {
    service: 'authz',
    instance: 'authz-1',
    ready: true,
    startedAt: '2026-02-28T23:00:00.000Z',
    time: '2026-03-01T00:00:00.000Z',
    facts: { revision: 'abc', n: 7 },
    ...parts,
  }
}

test('an instance that is heard is up, and says of itself what it said', () => {
  const { instances, pass } = clocked()
  instances.hear(beat({ ready: false }))
  pass(1_000)
  expect(instances.list()).toEqual([
    {
      ...{ service: 'authz', instance: 'authz-1', ready: false, up: true, ageMs: 1_000 },
      ...{ startedAt: '2026-02-28T23:00:00.000Z', lastSeen: '2026-03-01T00:00:00.000Z' },
      facts: { revision: 'abc', n: 7 },
    },
  ])
})

test('an instance that is silent is down after the deadline, and up when it is heard again', () => {
  const { instances, pass } = clocked()
  instances.hear(beat())
  pass(HEARTBEAT_DEADLINE_MS - 1)
  expect(instances.list()).toMatchObject([{ up: true, ready: true }])
  pass(1)
  expect(instances.list()).toMatchObject([{ up: false, ready: false }])
  instances.hear(beat())
  expect(instances.list()).toMatchObject([{ up: true, ready: true, ageMs: 0 }])
})

test('an instance that said goodbye is gone, one that did not is forgotten in the end', () => {
  const { instances, pass } = clocked()
  instances.hear(beat({ instance: 'authz-1' }))
  instances.hear(beat({ instance: 'authz-2' }))
  instances.hear(beat({ instance: 'authz-1', ready: false, stopping: true }))
  expect(instances.list()).toMatchObject([{ instance: 'authz-2' }])
  pass(FORGET_MS)
  expect(instances.list()).toMatchObject([{ instance: 'authz-2', up: false }])
  pass(1)
  expect(instances.list()).toEqual([])
})

test('of too many instances the one that was silent longest is forgotten', () => {
  const { instances } = clocked(2)
  for (const instance of ['a', 'b', 'a', 'c']) instances.hear(beat({ instance }))
  expect(instances.list()).toMatchObject([{ instance: 'a' }, { instance: 'c' }])
})

test('what an instance says is bounded', () => {
  const { instances } = clocked()
  const facts = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`fact-${at}`, at]))
  instances.hear(beat({ facts: { text: 'x'.repeat(10_000), nested: {} as never, ...facts } }))
  const [state] = instances.list()
  expect(Object.keys(state?.facts ?? {})).toHaveLength(32)
  expect(state?.facts['text']).toHaveLength(256)
  expect(state?.facts).not.toHaveProperty('nested')
})

test('the gauges show each instance as of the scrape, and not those that are gone', async () => {
  const { instances, pass } = clocked()
  const metrics = createMetrics('telemetry')
  addInstanceMetrics(metrics, instances)
  instances.hear(beat({ instance: 'authz-1' }))
  pass(HEARTBEAT_DEADLINE_MS)
  instances.hear(beat({ service: 'authn', instance: 'authn-1', ready: false }))
  const before = await metrics.metrics()
  expect(before).toContain('verdict_instance_up{service="authz",instance="authz-1"} 0\n')
  expect(before).toContain('verdict_instance_up{service="authn",instance="authn-1"} 1\n')
  expect(before).toContain('verdict_instance_ready{service="authn",instance="authn-1"} 0\n')
  const age = 'verdict_instance_heartbeat_age_seconds'
  expect(before).toContain(`${age}{service="authz",instance="authz-1"} 6\n`)
  instances.hear(beat({ instance: 'authz-1', stopping: true }))
  expect(await metrics.metrics()).not.toContain('authz-1')
})
