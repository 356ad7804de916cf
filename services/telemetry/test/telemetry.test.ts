import { startHeartbeats, storeBatch } from '@verdict/bus'
import { ServiceProcess, startBus, TestJournal, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import type { InstanceState } from '../src/liveness/instances.ts'

const TIMEOUT = { timeout: 120_000 }
const SOON = { deadlineMs: 30_000 }
const STORE = { timeoutMs: 2_000 }
const COUNT = 'verdict_decision_duration_seconds_count{outcome="allow"}'

test(
  'decisions of the stream are counted once, through a kill of the server',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    await using telemetry = await ServiceProcess.start('telemetry', bus)
    const recorder = await bus.connect('authz-record')
    const journal = new TestJournal('authz-1')
    const store = async (): Promise<void> => {
      const { data, subject } = journal.message(journal.lines)
      await storeBatch(recorder, subject, data, STORE)
    }
    journal.appendAll(20)
    await store()
    await waitForText(telemetry, `${COUNT} 20\n`)

    await bus.kill()
    await waitFor(async () => !(await telemetry.ready()), { ...SOON, what: 'the bus to be missed' })
    await bus.up()
    await telemetry.waitUntilReady()
    journal.appendAll(5)
    await waitFor(
      async () =>
        await store().then(
          () => true,
          () => false,
        ),
      {
        ...SOON,
        what: 'the batch to be stored',
      },
    )
    await waitForText(telemetry, `${COUNT} 25\n`)
    const metrics = await telemetry.metrics()
    const labels = 'outcome="allow",reason="allowed",source="-",destination="shop/orders"'
    expect(metrics).toContain(`verdict_decision_records_total{${labels}} 25\n`)
    // At least: a server that was killed may deliver again what was acknowledged.
    const duplicates = /^verdict_telemetry_duplicates_total (\d+)$/m.exec(metrics)?.[1]
    expect(Number(duplicates)).toBeGreaterThanOrEqual(20)
    expect(metrics).toContain('verdict_telemetry_consumer_pending 0\n')
    expect(await telemetry.end('SIGTERM')).toBe(0)
  },
)

test('instances are known by their heartbeats, and gone when they stop', TIMEOUT, async () => {
  await using bus = await startBus()
  await using telemetry = await ServiceProcess.start('telemetry', bus)
  const heartbeats = startHeartbeats(await bus.connect('authn'), {
    service: 'authn',
    instance: 'authn-1',
    ready: () => true,
    facts: () => ({ issuers: 2 }),
  })
  const instances = async (): Promise<InstanceState[]> =>
    (await telemetry.get<{ instances: InstanceState[] }>('/v1/instances')).instances
  await waitFor(async () => (await instances()).length === 2, { ...SOON, what: 'two instances' })
  expect(await instances()).toMatchObject([
    { service: 'authn', instance: 'authn-1', up: true, ready: true, facts: { issuers: 2 } },
    { service: 'telemetry', up: true },
  ])
  await waitForText(telemetry, 'verdict_instance_up{service="authn",instance="authn-1"} 1\n')
  await heartbeats.stop()
  await waitFor(async () => (await instances()).length === 1, { ...SOON, what: 'one to be gone' })
  expect(await telemetry.metrics()).not.toContain('authn-1')
})

async function waitForText(telemetry: ServiceProcess, text: string): Promise<void> {
  const found = async (): Promise<boolean> => (await telemetry.metrics()).includes(text)
  await waitFor(found, { ...SOON, what: text })
}
