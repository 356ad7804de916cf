import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { onHeartbeat, storeBatch } from '@verdict/bus'
import {
  CONSUMERS,
  DECIDED_HEADERS,
  DECISIONS,
  type DecisionRecord,
  type Heartbeat,
  type JournalLine,
  subjects,
  wildcards,
} from '@verdict/contract'
import {
  batchOf,
  ServiceProcess,
  startBus,
  type TestBus,
  TestJournal,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { expect, test } from 'vitest'
import type { ListBody } from './served-log.ts'

const TIMEOUT = { timeout: 120_000 }
const SOON = { deadlineMs: 30_000 }
const STORE_TIMEOUT_MS = 1_000
const ACK_WAIT_NS = 1_000_000_000

interface Heard {
  readonly subject: string
  readonly index: number
  readonly hash: string
  readonly record: DecisionRecord
}

test('what is in the stream is in the log, and those who listen hear of it', TIMEOUT, async () => {
  await using bus = await startBus()
  await using dir = temporaryDirectory()
  await using audit = await startAudit(bus, dir.path)
  const denied = subjects.decided('deny', { namespace: 'shop', service: 'payments' })
  const heard = await listen(bus, denied)
  const store = await storing(bus)
  const journal = new TestJournal('authz-1')
  const destination = { namespace: 'shop', service: 'payments' }
  journal.append({ outcome: 'allow', destination })
  const line = journal.append({ outcome: 'deny', destination })
  journal.append({ outcome: 'deny' })
  journal.append({ outcome: 'deny', destination })
  await store(journal, journal.lines)

  await waitFor(() => heard.length === 2, { ...SOON, what: 'two denials' })
  const told = { index: 2, hash: line.hash, record: line.record }
  expect(heard[0]).toEqual({ ...told, subject: 'verdict.decided.deny.shop.payments' })
  expect(heard[1]?.index).toBe(4)
  expect(await audit.get(`/v1/decisions/${line.record.id}`)).toEqual(told)
  expect(await audit.get('/v1/decisions?outcome=allow')).toMatchObject({
    decisions: [{ index: 1, record: { n: 1 } }],
  })
})

test('a message that is no batch is a finding, and the next ones are read', TIMEOUT, async () => {
  await using bus = await startBus()
  await using dir = temporaryDirectory()
  await using audit = await startAudit(bus, dir.path)
  const recorder = await bus.connect('authz-record')
  const journal = new TestJournal('authz-1')
  const garbage = Buffer.from('garbage')
  const timeout = { timeoutMs: STORE_TIMEOUT_MS }
  const { seq } = await storeBatch(recorder, journal.subject, garbage, timeout)
  await storeBatch(recorder, journal.subject, journal.sealed(journal.appendAll(3)), timeout)
  await storeBatch(recorder, subjects.journal('authz-2'), batchOf(journal.lines), timeout)
  await storeBatch(recorder, journal.subject, journal.sealed(journal.lines), timeout)

  await waitFor(async () => (await audit.metrics()).includes('audit_duplicates_total 3\n'), {
    ...SOON,
    what: 'the batch that came again',
  })
  const { findings } = await audit.get<ListBody>('/v1/findings')
  expect(findings).toMatchObject([
    { kind: 'foreign_instance', seq: seq + 2 },
    { kind: 'malformed_batch', seq },
  ])
  expect((await decisionsOf(audit)).map(({ record }) => record.n)).toEqual([1, 2, 3])
  const metrics = await audit.metrics()
  expect(metrics).toContain('verdict_audit_decisions_total 3\n')
  expect(metrics).toContain('verdict_audit_findings_total{kind="malformed_batch"} 1\n')
  expect(metrics).toContain('verdict_audit_findings_unresolved{kind="foreign_instance"} 1\n')
  expect(metrics).toContain('verdict_audit_log_entries 3\n')
  expect(metrics).toContain('verdict_audit_consumer_pending 0\n')
  expect(audit.output).toContain('"event":"finding","kind":"malformed_batch"')
})

test('nothing is lost or doubled when the nats-server is killed under load', TIMEOUT, async () => {
  await using bus = await startBus()
  await using dir = temporaryDirectory()
  await using audit = await startAudit(bus, dir.path)
  await using load = await startLoad(bus)
  for (let round = 0; round < 2; round++) {
    await load.waitForMore(300)
    await bus.kill()
    await waitFor(async () => !(await audit.ready()), { ...SOON, what: 'audit to miss the bus' })
    await bus.up()
    await audit.waitUntilReady()
  }
  await load.waitForMore(300)
  await expectExactly(await load.end(), audit)
})

test(
  'nothing is lost or doubled when audit is killed, and listeners hear all',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    await shortenAckWait(bus)
    await using dir = temporaryDirectory()
    const heard = await listen(bus, wildcards.decided)
    await using load = await startLoad(bus)
    for (let round = 0; round < 3; round++) {
      await using audit = await startAudit(bus, dir.path)
      await load.waitForMore(300)
      await audit.end('SIGKILL')
    }
    const lines = await load.end()
    await using audit = await startAudit(bus, dir.path)
    await expectExactly(lines, audit)
    const ids = (): Set<string> => new Set(heard.map(({ record }) => record.id))
    await waitFor(() => ids().size === lines.length, { ...SOON, what: 'listeners to hear all' })
  },
)

test('a stop takes in what the stream still holds, and says goodbye', TIMEOUT, async () => {
  await using bus = await startBus()
  await using dir = temporaryDirectory()
  const beats: Heartbeat[] = []
  onHeartbeat(await bus.connect('telemetry'), (beat) => beats.push(beat))
  const store = await storing(bus)
  const journal = new TestJournal('authz-1')
  await using first = await startAudit(bus, dir.path)
  for (let batch = 0; batch < 40; batch++) await store(journal, journal.appendAll(5))
  expect(await first.end('SIGTERM')).toBe(0)
  await waitFor(() => beats.at(-1)?.stopping, { ...SOON, what: 'the last heartbeat' })
  expect(beats.at(-1)).toMatchObject({ service: 'audit', facts: { lastIndex: 200 } })

  await using second = await startAudit(bus, dir.path)
  await store(journal, journal.appendAll(1))
  await expectExactly(journal.lines, second)
  expect(await second.metrics()).toContain('verdict_audit_decisions_total 1\n')
})

test('a second audit service on the same directory is refused', TIMEOUT, async () => {
  await using bus = await startBus()
  await using dir = temporaryDirectory()
  await using audit = await startAudit(bus, dir.path)
  await using second = await ServiceProcess.spawn('audit', bus, settingsOf(dir.path))
  expect(await second.exited()).toBe(1)
  expect(second.output).toContain('data_dir_in_use')
  expect(second.output).toContain('VERDICT_AUDIT_DATA_DIR')
  expect(await audit.ready()).toBe(true)
})

async function startAudit(bus: TestBus, dataDir: string): Promise<ServiceProcess> {
  return await ServiceProcess.start('audit', bus, settingsOf(dataDir))
}

function settingsOf(dataDir: string): Record<string, string> {
  return { VERDICT_AUDIT_DATA_DIR: dataDir }
}

/** Every decision of the log, oldest first. */
async function decisionsOf(audit: ServiceProcess): Promise<NonNullable<ListBody['decisions']>> {
  const found: NonNullable<ListBody['decisions']> = []
  for (let after = ''; ; ) {
    const page = await audit.get<ListBody>(`/v1/decisions?limit=1000${after}`)
    found.push(...(page.decisions ?? []))
    if (page.next === undefined) return found.toReversed()
    after = `&after=${page.next}`
  }
}

/** Everything that listeners are told on a subject from now on. */
async function listen(bus: TestBus, subject: string): Promise<Heard[]> {
  const heard: Heard[] = []
  const subscriber = await bus.connect('subscriber')
  subscriber.subscribe(subject, {
    callback: (_error, message) => {
      const index = Number(message.headers?.get(DECIDED_HEADERS.index))
      const hash = message.headers?.get(DECIDED_HEADERS.hash) ?? ''
      heard.push({ subject: message.subject, index, hash, record: message.json() })
    },
  })
  await subscriber.flush()
  return heard
}

async function storing(bus: TestBus) {
  const recorder = await bus.connect('authz-record')
  return async (journal: TestJournal, lines: readonly JournalLine[]): Promise<void> => {
    const batch = journal.sealed(lines)
    await storeBatch(recorder, journal.subject, batch, { timeoutMs: STORE_TIMEOUT_MS })
  }
}

/** Two journals that are written and shipped without a pause, each batch until it is stored. */
async function startLoad(bus: TestBus) {
  const store = await storing(bus)
  const journals = [new TestJournal('authz-1'), new TestJournal('authz-2')]
  const stored: JournalLine[] = []
  let ended = false
  const done = (async () => {
    while (!ended) {
      for (const journal of journals) {
        const lines = journal.appendAll(7)
        await storeUntilStored(() => store(journal, lines))
        stored.push(...lines)
      }
      await yieldToOthers()
    }
  })()
  const end = async (): Promise<JournalLine[]> => {
    ended = true
    await done
    return stored
  }
  return {
    end,
    async waitForMore(count: number): Promise<void> {
      const goal = stored.length + count
      await waitFor(() => stored.length >= goal, { ...SOON, what: `${count} more records` })
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await end()
    },
  }
}

async function storeUntilStored(store: () => Promise<void>): Promise<void> {
  await waitFor(
    async () =>
      await store().then(
        () => true,
        () => false,
      ),
    {
      ...SOON,
      what: 'a batch to be stored',
    },
  )
}

/** The log holds exactly these lines, each once, and nothing is wrong with them. */
async function expectExactly(lines: readonly JournalLine[], audit: ServiceProcess): Promise<void> {
  const stored = async (): Promise<number> => (await decisionsOf(audit)).length
  await waitFor(async () => (await stored()) >= lines.length, { ...SOON, what: 'all records' })
  const decisions = await decisionsOf(audit)
  expect(decisions.map(({ index }) => index)).toEqual(lines.map((_, at) => at + 1))
  const places = (hashes: readonly string[]): string[] => [...hashes].sort()
  expect(places(decisions.map(({ hash }) => hash))).toEqual(places(lines.map(({ hash }) => hash)))
  const { instances = [] } = await audit.get<ListBody>('/v1/instances')
  expect(instances).not.toEqual([])
  for (const instance of instances) expect(instance).toMatchObject({ missing: 0, findings: {} })
}

/** A test does not wait as long as a reader may take. */
async function shortenAckWait(bus: TestBus): Promise<void> {
  const provisioner = await bus.connect('provisioner')
  const consumer = `${DECISIONS.name}.${CONSUMERS.audit}`
  const info = await provisioner.request(`$JS.API.CONSUMER.INFO.${consumer}`)
  const config = { ...info.json<{ config: object }>().config, ack_wait: ACK_WAIT_NS }
  const body = JSON.stringify({ stream_name: DECISIONS.name, config, action: 'update' })
  const reply = await provisioner.request(`$JS.API.CONSUMER.CREATE.${consumer}`, body)
  expect(reply.json()).not.toHaveProperty('error')
}
