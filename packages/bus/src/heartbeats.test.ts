import { HEARTBEAT_INTERVAL_MS, type Heartbeat, subjects } from '@verdict/contract'
import { startBus, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { onHeartbeat, startHeartbeats } from './heartbeats.ts'

const TIMEOUT = { timeout: 60_000 }
const SOON = { deadlineMs: 10_000 }

test('an instance is heard at once, again and again, and when it stops', TIMEOUT, async () => {
  await using bus = await startBus()
  const beats: Heartbeat[] = []
  const listener = await bus.connect('telemetry')
  const hearing = onHeartbeat(listener, (beat) => beats.push(beat))
  await listener.flush()
  let ready = false
  const heart = startHeartbeats(await bus.connect('audit'), {
    service: 'audit',
    instance: 'audit-1',
    ready: () => ready,
    facts: () => ({ index: beats.length }),
  })
  await waitFor(() => beats.length === 1, { ...SOON, what: 'the first heartbeat' })
  ready = true
  await waitFor(() => beats.length === 2, { ...SOON, what: 'the second heartbeat' })
  await heart.stop()
  await waitFor(() => beats.length === 3, { ...SOON, what: 'the last heartbeat' })
  hearing.stop()
  expect(beats).toMatchObject([
    { service: 'audit', instance: 'audit-1', ready: false, facts: { index: 0 } },
    { ready: true, facts: { index: 1 } },
    { stopping: true },
  ])
  const [first, second] = beats.map(({ time }) => Date.parse(time))
  expect(Math.abs(Number(second) - Number(first) - HEARTBEAT_INTERVAL_MS)).toBeLessThan(1_000)
})

test('a heartbeat that is malformed or in the name of another is dropped', TIMEOUT, async () => {
  await using bus = await startBus()
  const beats: Heartbeat[] = []
  const listener = await bus.connect('telemetry')
  onHeartbeat(listener, (beat) => beats.push(beat))
  await listener.flush()
  const authn = await bus.connect('authn')
  const now = new Date().toISOString()
  const beat: Heartbeat = {
    service: 'authn',
    instance: 'authn-1',
    ready: true,
    startedAt: now,
    time: now,
    facts: {},
  }
  const own = subjects.heartbeat('authn', 'authn-1')
  authn.publish(own, 'no JSON')
  authn.publish(own, '{"service":"authn"}')
  authn.publish(own, JSON.stringify({ ...beat, service: 'authz' }))
  authn.publish(own, JSON.stringify({ ...beat, instance: 'authn-2' }))
  authn.publish(subjects.heartbeat('authz', 'authz-1'), JSON.stringify({ ...beat }))
  authn.publish(own, JSON.stringify(beat))
  await waitFor(() => beats.length > 0, { ...SOON, what: 'the true heartbeat' })
  expect(beats).toEqual([beat])
  expect(bus.refusals).toMatchObject([expect.stringContaining('verdict.heartbeat.authz.authz-1')])
})
