import { DECIDED, newDecisionId, PERMISSIONS, ROLES, subjects } from '@verdict/contract'
import { startBus, type TestBus, waitFor } from '@verdict/kit'
import type { NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { publishDecided } from './decided.ts'
import { decidedStream } from './decided-stream.ts'
import {
  describeEventConsumer,
  type EventFilter,
  filterSubjects,
  removeEventConsumer,
} from './event-consumers.ts'
import { connectSubscriber, pullEvents } from './events.ts'
import { askEvents } from './jetstream-api.ts'
import { provision } from './provision.ts'
import { request } from './request.ts'
import { removeSubscriber, subscriberSeedFile } from './subscriber-keys.ts'

const TIMEOUT = { timeout: 60_000 }
const SOON = { deadlineMs: 10_000 }
const SHORT = { timeoutMs: 5_000 }
const NO_FILTER: EventFilter = { outcomes: [], services: [], namespaces: [] }
const EMPTY = new Uint8Array()
const CAPACITY = { replicas: 1, maxBytes: 64 * 1024 * 1024 }
const INFO = `STREAM.INFO.${DECIDED.name}`

async function join(bus: TestBus, name: string): Promise<NatsConnection> {
  const seedFile = subscriberSeedFile(bus.keysDir, name)
  return await connectSubscriber({ url: bus.url, name, seedFile })
}

/** Tells of decisions as audit does. */
async function tell(audit: NatsConnection, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) {
    const outcome = n % 2 === 0 ? 'deny' : 'allow'
    const record = {
      ...{ destination: { namespace: 'shop', service: 'orders' }, id: newDecisionId(), outcome },
      ...{ epoch: 1, instance: 'pdp', n, request: {}, time: '2026-01-01T00:00:00.000Z', v: 1 },
    } as unknown as Parameters<typeof publishDecided>[1]['record']
    const place = { index: n, leaf: n - 1, origin: 'log.test', hash: `h${n}` }
    publishDecided(audit, { record, json: JSON.stringify(record), ...place })
  }
  await audit.flush()
}

/** Waits until DECIDED has as many events, which it stores beside the connection of who tells. */
async function stored(provisioner: NatsConnection, last: number): Promise<StreamState> {
  const look = async () => (await askEvents<{ state: StreamState }>(provisioner, INFO)).state
  const reached = async () => ((await look()).last_seq >= last ? await look() : undefined)
  return await waitFor(reached, { ...SOON, what: `event ${last} to be stored` })
}

interface StreamState {
  readonly first_seq: number
  readonly last_seq: number
}

async function take(nc: NatsConnection, name: string, count: number): Promise<number[]> {
  const taken: number[] = []
  const { signal } = new AbortController()
  const deadline = performance.now() + SOON.deadlineMs
  while (taken.length < count && performance.now() < deadline) {
    for (const event of await pullEvents(nc, { name, batchMax: 100, signal })) {
      event.acknowledge()
      taken.push(event.leaf + 1)
    }
  }
  await nc.flush()
  return taken
}

test(
  'a durable consumer keeps what its subscriber was told while it was away',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    const audit = await bus.connect('audit')
    // Who is connected already goes on as before.
    const core: string[] = []
    const listener = await bus.connect('subscriber')
    listener.subscribe('verdict.decided.*.*.*', {
      callback: (_error, { subject }) => void core.push(subject),
    })
    const filter: EventFilter = { outcomes: ['deny'], namespaces: ['shop', 'pay'], services: [] }
    await bus.addSubscriber('siem', filterSubjects(filter))
    await bus.addSubscriber('all')
    const siem = await join(bus, 'siem')
    await tell(audit, 1, 6)
    await waitFor(() => core.length === 6, { ...SOON, what: 'the listener to hear' })
    expect(await take(siem, 'siem', 3)).toEqual([2, 4, 6])
    await siem.close()
    await bus.restart()
    await tell(await bus.connect('audit'), 7, 10)
    const again = await join(bus, 'siem')
    expect(await take(again, 'siem', 2)).toEqual([8, 10])
    const all = await join(bus, 'all')
    expect((await take(all, 'all', 10)).toSorted((a, b) => a - b)).toHaveLength(10)
    const provisioner = await bus.connect('provisioner')
    await waitFor(async () => (await describeEventConsumer(provisioner, 'siem'))?.inHand === 0, {
      ...SOON,
      what: 'the last acknowledgement',
    })

    // Who is removed loses the connection, and does not get it again.
    await removeSubscriber(bus.keysDir, 'siem')
    await removeEventConsumer(provisioner, 'siem')
    expect(await describeEventConsumer(provisioner, 'siem')).toBeUndefined()
    await bus.reload()
    const attempt = () =>
      pullEvents(again, { name: 'siem', batchMax: 1, signal: new AbortController().signal })
    await waitFor(async () => (await attempt().catch(() => 'refused')) === 'refused', {
      ...SOON,
      what: 'the subscriber to be refused',
    })
    await Promise.all([again, all].map((nc) => nc.close()))
  },
)

const STREAM = [
  'STREAM.INFO',
  'STREAM.PURGE',
  'STREAM.DELETE',
  'STREAM.UPDATE',
  'STREAM.CREATE',
  'STREAM.MSG.GET',
  'STREAM.MSG.DELETE',
  'STREAM.SNAPSHOT',
  'STREAM.RESTORE',
  'DIRECT.GET',
  'CONSUMER.LIST',
  'CONSUMER.NAMES',
  'CONSUMER.CREATE',
].map((question) => `${question}.${DECIDED.name}`)
const CONSUMER = ['CREATE', 'DURABLE.CREATE', 'DELETE', 'PAUSE', 'RESET', 'UNPIN'].flatMap(
  (question) => ['siem', 'other', 'new'].map((name) => `CONSUMER.${question}.DECIDED.${name}`),
)
const OTHERS = ['CONSUMER.INFO.DECIDED.other', 'CONSUMER.MSG.NEXT.DECIDED.other', 'INFO']

test('a subscriber can read its own events and nothing else', { timeout: 120_000 }, async () => {
  await using bus = await startBus()
  await bus.addSubscriber('siem')
  await bus.addSubscriber('other')
  const siem = await join(bus, 'siem')
  await tell(await bus.connect('audit'), 1, 3)
  const questions = [...STREAM, ...CONSUMER, ...OTHERS]
  const forbidden = [
    ...questions.flatMap((each) => [`$JS.API.${each}`, `verdict.events.${each}`]),
    ...['verdict.record', 'verdict.policy'].map((api) => `${api}.STREAM.INFO.DECISIONS`),
    '$JS.ACK.DECIDED.other.1.1.1.1.0',
    '$JS.ACK.DECISIONS.audit.1.1.1.1.0',
    subjects.check,
    subjects.identify,
    subjects.decided('allow', { service: 'orders' }),
    subjects.journal('x'),
    subjects.covered('x'),
    subjects.heartbeat('audit', 'x'),
    '$KV.verdict-pointers.shop',
    '$SYS.REQ.SERVER.PING',
    '_INBOX.audit.x',
    'anything',
  ]
  for (const subject of forbidden) {
    const attempt = request(siem, subject, EMPTY, SHORT)
    await expect(attempt, subject).rejects.toMatchObject({ code: 'forbidden' })
  }
  const heard = ['>', 'verdict.>', 'verdict.decided.*.*.*', '$JS.>', '$SYS.>', '_R_.>', 'anything']
  for (const subject of heard) {
    const { closed } = siem.subscribe(subject, { callback: () => {} })
    await expect(closed, subject).resolves.toMatchObject({ name: 'PermissionViolationError' })
  }
  // Its own consumer it may read, wherever it wants the events: they reach nobody but itself.
  const audit = await bus.connect('audit')
  const strayed: string[] = []
  const heardElsewhere = [
    ['authn', subjects.identify],
    ['authz-serve', subjects.check],
    ['audit', '_INBOX.audit.>'],
  ] as const
  for (const [role, subject] of heardElsewhere) {
    const nc = await bus.connect(role)
    nc.subscribe(subject, { callback: (_error, { subject: got }) => void strayed.push(got) })
    await nc.flush()
  }
  const other = await join(bus, 'other')
  other.subscribe('_INBOX.>', { callback: (_error, { subject }) => void strayed.push(subject) })
  await other.flush()
  for (const reply of [
    subjects.decided('allow', { service: 'forged' }),
    subjects.identify,
    subjects.check,
    subjects.journal('forged'),
    '_INBOX.audit.x',
    '_INBOX.other.x',
    '$JS.API.STREAM.PURGE.DECIDED',
  ]) {
    const next = 'verdict.events.CONSUMER.MSG.NEXT.DECIDED.siem'
    siem.publish(next, JSON.stringify({ batch: 1, no_wait: true }), { reply })
    siem.publish('verdict.events.CONSUMER.INFO.DECIDED.siem', '', { reply })
    siem.publish('$JS.ACK.DECIDED.siem.1.1.1.1.0', '+NXT', { reply })
  }
  await siem.flush()
  await Promise.all([audit.flush(), other.flush()])
  expect(strayed).toEqual([])
  await tell(audit, 4, 4)
  expect(await stored(await bus.connect('provisioner'), 4)).toMatchObject({ last_seq: 4 })
  await Promise.all([siem, other].map((nc) => nc.close()))
})

test('no role but audit puts anything into DECIDED, by no reply subject', TIMEOUT, async () => {
  await using bus = await startBus()
  const audit = await bus.connect('audit')
  await tell(audit, 1, 1)
  const target = subjects.decided('allow', { service: 'forged' })
  for (const role of ROLES) {
    if (role === 'audit') continue
    const nc = await bus.connect(role)
    const may = PERMISSIONS[role].publish.map((subject) =>
      subject.replace(/>$/, '1.1.1.1.0').replaceAll('*', 'x'),
    )
    for (const subject of may) nc.publish(subject, '{"seq":1}', { reply: target })
    nc.publish(target, 'forged')
    await nc.flush()
  }
  await tell(audit, 2, 2)
  expect(await stored(await bus.connect('provisioner'), 2)).toMatchObject({ last_seq: 2 })
})

test('filters are every combination of what they name, and not too many', () => {
  const filter = { outcomes: ['deny', 'error'], services: ['a b'], namespaces: [] } as const
  expect(filterSubjects(filter)).toEqual([
    'verdict.decided.deny.*.a=20b',
    'verdict.decided.error.*.a=20b',
  ])
  expect(filterSubjects(NO_FILTER)).toEqual([])
  const services = Array.from({ length: 33 }, (_, at) => `s${at}`)
  expect(() => filterSubjects({ ...filter, services })).toThrow(
    expect.objectContaining({ code: 'subscriber_refused' }),
  )
})

test('who does not read loses the oldest events, and holds up nobody', TIMEOUT, async () => {
  await using bus = await startBus({ decidedBytes: 64 * 1024 })
  await bus.addSubscriber('slow')
  const slow = await join(bus, 'slow')
  const audit = await bus.connect('audit')
  await tell(audit, 1, 10)
  const { signal } = new AbortController()
  // It has some in hand, and acknowledges none of them.
  const inHand = await pullEvents(slow, { name: 'slow', batchMax: 10, signal })
  expect(inHand.length).toBeGreaterThan(0)
  await tell(audit, 11, 1_000)
  const { first_seq } = await stored(await bus.connect('provisioner'), 1_000)
  expect(first_seq).toBeGreaterThan(10)
  const rest = await pullEvents(slow, { name: 'slow', batchMax: 10, signal })
  expect(rest.at(-1)?.seq).toBeGreaterThanOrEqual(first_seq)

  // The connections of a key are bounded.
  const others = await Promise.all(Array.from({ length: 7 }, () => join(bus, 'slow')))
  const seedFile = subscriberSeedFile(bus.keysDir, 'slow')
  const place = { url: bus.url, name: 'slow', seedFile, connectTimeoutMs: 300 }
  await expect(connectSubscriber(place)).rejects.toMatchObject({ code: 'unreachable' })
  await Promise.all([slow, ...others].map((nc) => nc.close()))
})

test('a stream of events that keeps less than was declared is refused', TIMEOUT, async () => {
  await using bus = await startBus({ provisioned: false })
  const provisioner = await bus.connect('provisioner')
  const weak = { ...decidedStream(CAPACITY), max_age: 1e9, duplicate_window: 1e9, no_ack: false }
  await askEvents(provisioner, `STREAM.CREATE.${DECIDED.name}`, weak)
  await expect(provision(provisioner, CAPACITY)).rejects.toMatchObject({
    code: 'stream_weakened',
    message: expect.stringMatching(/`DECIDED`.*max_age is 1000000000, not.*no_ack is false/),
  })
})
