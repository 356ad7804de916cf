import { CONSUMERS, DECISIONS, streamApi, subjects } from '@verdict/contract'
import { startBus, type TestBus, waitFor } from '@verdict/kit'
import type { NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { type ConsumeOptions, consume } from './consume.ts'
import { askJetStream } from './jetstream-api.ts'
import { storeBatch } from './store-batch.ts'
import { decisionsConsumer } from './stream-declaration.ts'

const TIMEOUT = { timeout: 60_000 }
const SOON = { deadlineMs: 15_000 }

function reading(
  nc: NatsConnection,
  handler?: ConsumeOptions['handler'],
  groupHandler?: ConsumeOptions['groupHandler'],
) {
  const seqs: number[] = []
  const errors: unknown[] = []
  const stop = new AbortController()
  const consumption = consume(nc, {
    stream: DECISIONS.name,
    durable: CONSUMERS.audit,
    handler: async (message) => {
      await handler?.(message)
      seqs.push(message.seq)
    },
    ...(groupHandler && {
      groupHandler: async (messages) => {
        await groupHandler(messages)
        seqs.push(...messages.map(({ seq }) => seq))
      },
    }),
    onError: (error) => errors.push(error),
    signal: stop.signal,
  })
  const end = async (): Promise<void> => {
    stop.abort()
    await consumption.done
  }
  return { seqs, errors, consumption, end, abort: () => stop.abort() }
}

/** Stores as a decision point does: again and again until it is told that the batch is stored. */
async function storing(bus: TestBus, bytes = 0): Promise<(count: number) => Promise<void>> {
  const recorder = await bus.connect('authz-record')
  return async (count) => {
    for (let n = 0; n < count; n++) {
      const batch = new TextEncoder().encode(`${n}\n`.padStart(bytes))
      const subject = subjects.journal('authz-1')
      await waitFor(
        () => storeBatch(recorder, subject, batch, { timeoutMs: 2_000 }).catch(() => undefined),
        { ...SOON, what: 'a batch to be stored' },
      )
    }
  }
}

/** A test does not wait as long as a reader may take. */
async function shortenAckWait(bus: TestBus): Promise<void> {
  const config = { ...decisionsConsumer('audit'), ack_wait: 1_000_000_000 }
  const body = { stream_name: DECISIONS.name, config, action: 'update' }
  await askJetStream(await bus.connect('provisioner'), 'CONSUMER.CREATE.DECISIONS.audit', body)
}

const firstSeqs = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => index + 1)

test('messages are handled one at a time, in order, and once', TIMEOUT, async () => {
  await using bus = await startBus()
  const store = await storing(bus)
  await store(40)
  const nc = await bus.connect('audit')
  let running = 0
  const reader = reading(nc, async ({ subject, redelivered }) => {
    expect(++running).toBe(1)
    expect(redelivered).toBe(false)
    expect(subject).toBe(subjects.journal('authz-1'))
    await Promise.resolve()
    running--
  })
  await waitFor(() => reader.seqs.length === 40, { ...SOON, what: '40 messages' })
  await store(1)
  await waitFor(() => reader.seqs.length === 41, { ...SOON, what: 'the message that came later' })
  expect(reader.seqs).toEqual(firstSeqs(41))
  expect(reader.consumption.health()).toMatchObject({ ok: true })
  await waitFor(() => reader.consumption.pending() === 0, { ...SOON, what: 'nothing to be left' })
  await reader.end()
  expect(reader.errors).toEqual([])
  const info = await nc.request(`${streamApi('audit')}.CONSUMER.INFO.${DECISIONS.name}.audit`)
  expect(info.json()).toMatchObject({ num_ack_pending: 0, ack_floor: { stream_seq: 41 } })
})

test('what a handler fails on comes again, before all that is behind it', TIMEOUT, async () => {
  await using bus = await startBus()
  const store = await storing(bus)
  await store(30)
  let faults = 0
  const again: boolean[] = []
  const reader = reading(await bus.connect('audit'), ({ seq, redelivered }) => {
    if (seq === 5 && faults++ < 3) return Promise.reject(new Error('the disk is full'))
    if (seq === 5) again.push(redelivered)
    return Promise.resolve()
  })
  await waitFor(() => faults > 0, { ...SOON, what: 'the fault' })
  expect(reader.consumption.health()).toEqual({ ok: false, detail: 'message 5: the disk is full' })
  await waitFor(() => reader.seqs.length === 30, { ...SOON, what: 'all messages' })
  expect(reader.seqs).toEqual(firstSeqs(30))
  expect(again).toEqual([true])
  expect(reader.consumption.health()).toMatchObject({ ok: true })
  // The same fault, three times over, is told once.
  expect(reader.errors).toMatchObject([{ message: 'the disk is full' }])
  await reader.end()
})

test(
  'messages that are there together are handled in groups, which have a bound',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    const count = 14
    const bytes = 450_000
    await (await storing(bus, bytes))(count)
    const groups: number[][] = []
    const alone: number[] = []
    const reader = reading(
      await bus.connect('audit'),
      async ({ seq }) => void alone.push(seq),
      async (messages) => void groups.push(messages.map(({ data }) => data.length)),
    )
    await waitFor(() => reader.seqs.length === count, { ...SOON, what: 'all messages' })
    expect(reader.seqs).toEqual(firstSeqs(count))
    // Three of them reach the bytes of a group, and nine are what a pull may bring.
    expect(groups.map(({ length }) => length)).toEqual([3, 3, 3, 3, 2])
    expect(alone).toEqual([])
    await waitFor(() => reader.consumption.pending() === 0, { ...SOON, what: 'nothing to be left' })
    await reader.end()
    expect(reader.errors).toEqual([])
    const nc = await bus.connect('audit')
    const info = await nc.request(`${streamApi('audit')}.CONSUMER.INFO.${DECISIONS.name}.audit`)
    expect(info.json()).toMatchObject({ num_ack_pending: 0, ack_floor: { stream_seq: count } })
  },
)

test('of a group that fails each message is handled by itself, in order', TIMEOUT, async () => {
  await using bus = await startBus()
  await (await storing(bus))(8)
  let faults = 0
  const again: number[] = []
  const reader = reading(
    await bus.connect('audit'),
    ({ seq, redelivered }) => {
      if (seq === 5 && faults++ < 2) return Promise.reject(new Error('the disk is full'))
      // It may have been handled in the group.
      if (redelivered) again.push(seq)
      return Promise.resolve()
    },
    (messages) =>
      messages.some(({ seq }) => seq === 5) && faults < 2
        ? Promise.reject(new Error('one of them'))
        : Promise.resolve(),
  )
  await waitFor(() => reader.seqs.length === 8, { ...SOON, what: 'all messages' })
  expect(reader.seqs).toEqual(firstSeqs(8))
  expect(again).toEqual([1, 2, 3, 4])
  expect(reader.errors).toMatchObject([{ message: 'the disk is full' }])
  await reader.end()
})

test('a consumer that is missing makes unhealthy until it is there', TIMEOUT, async () => {
  await using bus = await startBus({ provisioned: false })
  const reader = reading(await bus.connect('audit'))
  await waitFor(() => reader.errors.length > 0, { ...SOON, what: 'the fault' })
  expect(reader.consumption.health()).toMatchObject({ ok: false })
  expect(reader.consumption.pending()).toBeUndefined()
  await bus.provision()
  await waitFor(() => reader.consumption.health().ok, { ...SOON, what: 'the consumer' })
  await (await storing(bus))(1)
  await waitFor(() => reader.seqs.length === 1, { ...SOON, what: 'the message' })
  await reader.end()
})

test('a consumer that is deleted and made again is read on', TIMEOUT, async () => {
  await using bus = await startBus()
  const store = await storing(bus)
  const reader = reading(await bus.connect('audit'))
  await store(1)
  await waitFor(() => reader.seqs.length === 1, { ...SOON, what: 'the first message' })
  const provisioner = await bus.connect('provisioner')
  await askJetStream(provisioner, 'CONSUMER.DELETE.DECISIONS.audit')
  await waitFor(() => !reader.consumption.health().ok, { ...SOON, what: 'the loss to show' })
  expect(reader.errors).toMatchObject([{ code: 'consumer_missing' }])
  await bus.provision()
  // A new consumer begins anew: readers store each record once.
  await waitFor(() => reader.seqs.length === 2, { ...SOON, what: 'the message again' })
  expect(reader.consumption.health()).toMatchObject({ ok: true })
  await reader.end()
})

test('reading goes on when the server is killed and comes back', TIMEOUT, async () => {
  await using bus = await startBus()
  const store = await storing(bus)
  const reader = reading(await bus.connect('audit'))
  await store(3)
  await waitFor(() => reader.seqs.length === 3, { ...SOON, what: 'three messages' })
  await bus.kill()
  await waitFor(() => !reader.consumption.health().ok, { ...SOON, what: 'the loss to show' })
  await bus.up()
  await waitFor(() => reader.consumption.health().ok, { ...SOON, what: 'the consumer' })
  await store(3)
  // Sooner than the pull that went down with the server would have ended.
  const atOnce = { deadlineMs: 4_000, what: 'the messages after the restart' }
  await waitFor(() => reader.seqs.includes(6), atOnce)
  await reader.end()
  expect(new Set(reader.seqs)).toEqual(new Set(firstSeqs(6)))
})

test('what was not acknowledged when server and reader died comes again', TIMEOUT, async () => {
  await using bus = await startBus()
  await shortenAckWait(bus)
  await (await storing(bus))(3)
  const lost = await bus.connect('audit')
  const held = reading(lost, ({ seq }) => (seq < 2 ? Promise.resolve() : new Promise(() => {})))
  await waitFor(() => held.seqs.length === 1, { ...SOON, what: 'one message to be handled' })
  await lost.flush()
  await lost.close()
  held.abort()
  await bus.kill()
  await bus.up()
  const reader = reading(await bus.connect('audit'))
  // In any order; and the server may have forgotten the acknowledgement of the first.
  await waitFor(() => [2, 3].every((seq) => reader.seqs.includes(seq)), {
    ...SOON,
    what: 'the other two messages',
  })
  await reader.end()
})

test('a reader that stops gives back what it did not handle', TIMEOUT, async () => {
  await using bus = await startBus()
  const store = await storing(bus)
  await store(10)
  const gate = Promise.withResolvers<void>()
  const first = reading(await bus.connect('audit'), () => gate.promise)
  await waitFor(() => first.consumption.pending() !== undefined, { ...SOON, what: 'a pull' })
  first.abort()
  gate.resolve()
  await first.consumption.done
  const second = reading(await bus.connect('audit'))
  await waitFor(() => first.seqs.length + second.seqs.length === 10, { ...SOON, what: 'the rest' })
  expect([...first.seqs, ...second.seqs]).toEqual(firstSeqs(10))
  await second.end()
})

test('a reader that waits for messages stops at once', TIMEOUT, async () => {
  await using bus = await startBus()
  const reader = reading(await bus.connect('audit'))
  await waitFor(() => reader.consumption.health().ok, { ...SOON, what: 'the consumer' })
  const begun = performance.now()
  await reader.end()
  expect(performance.now() - begun).toBeLessThan(1_000)
})

test('copies of a reader share the messages', TIMEOUT, async () => {
  await using bus = await startBus()
  const store = await storing(bus)
  const one = reading(await bus.connect('audit'))
  const two = reading(await bus.connect('audit'))
  await store(60)
  const all = (): number[] => [...one.seqs, ...two.seqs]
  await waitFor(() => all().length === 60, { ...SOON, what: 'all messages' })
  expect(all().sort((a, b) => a - b)).toEqual(firstSeqs(60))
  await Promise.all([one.end(), two.end()])
})
