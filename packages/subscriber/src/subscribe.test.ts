import { writeFile } from 'node:fs/promises'
import { publishDecided } from '@verdict/bus'
import type { DecisionLine } from '@verdict/contract'
import {
  startBus,
  type TestBus,
  TestJournal,
  tampered,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { createSigner, formatVerifierKey, KeyAlgorithm } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { ServedLog } from '../test/served-log.ts'
import type { SubscriberError } from './errors.ts'
import { fileState, type StateStore, type SubscriberState } from './state.ts'
import { type SubscribeOptions, subscribe } from './subscribe.ts'
import type { VerifiedEvent } from './verify-events.ts'

const TIMEOUT = { timeout: 60_000 }
const SOON = { deadlineMs: 20_000 }
const NAME = 'siem'

/** A broker, whose writer may lie, and a log. */
async function setUp(log: ServedLog) {
  const bus = await startBus()
  const seedFile = await bus.addSubscriber(NAME)
  const writer = await bus.connect('audit')
  let index = 0
  const publish = async (line: DecisionLine, leaf: number, origin = log.origin) => {
    publishDecided(writer, { ...line, index: ++index, leaf, origin })
    await writer.flush()
  }
  return { bus, seedFile, publish }
}

class Memory implements StateStore {
  saved: SubscriberState | undefined
  async load() {
    return this.saved
  }
  async save(state: SubscriberState) {
    this.saved = JSON.parse(JSON.stringify(state))
  }
}

/** A subscription that collects what it is given; `stop` ends it. */
function follow(
  { bus, seedFile }: { bus: TestBus; seedFile: string },
  log: ServedLog,
  options: Partial<SubscribeOptions> = {},
) {
  const events: VerifiedEvent[] = []
  const suspects: SubscriberError[] = []
  const stop = new AbortController()
  const { done } = subscribe({
    ...{ url: bus.url, name: NAME, seedFile, log: log.options, state: new Memory() },
    ...{ signal: stop.signal, patienceMs: 100, coverMs: 500 },
    onEvents: async (batch) => void events.push(...batch),
    ...options,
  })
  done.catch(() => undefined)
  const onceThere = async (count: number) =>
    await waitFor(() => events.length >= count, { ...SOON, what: `${count} events` })
  const end = async () => {
    stop.abort()
    await done
  }
  return { events, suspects, done, end, onceThere }
}

test(
  'what is in the log is handed over once, and again only where it was not taken',
  TIMEOUT,
  async () => {
    await using log = await ServedLog.start()
    const parts = await setUp(log)
    await using _bus = parts.bus
    const journal = new TestJournal('pdp')
    const lines = journal.appendAll(4)
    const state = new Memory()
    for (const line of lines.slice(0, 3)) await parts.publish(line, log.append(line))
    // The handler fails on the first batch: it comes again.
    let failures = 0
    const onFault = () => void failures++
    const taken: VerifiedEvent[] = []
    const onEvents = async (batch: readonly VerifiedEvent[]) => {
      if (failures === 0) throw new Error('the disk is full')
      taken.push(...batch)
    }
    const first = follow(parts, log, { state, onEvents, onFault })
    await waitFor(() => taken.length === 3, { ...SOON, what: 'the events' })
    await first.end()
    expect(failures).toBeGreaterThan(0)
    expect(taken.map(({ json, leaf }) => [leaf, json])).toEqual(
      lines.slice(0, 3).map(({ json }, leaf) => [leaf, json]),
    )

    // Another leaf is between, and the last event is told twice, as after a crash of audit.
    log.leaves.push(Buffer.from('{"v":1}'))
    const [, , third, fourth] = lines
    if (!third || !fourth) throw new Error('four lines')
    await parts.publish(third, 2)
    await parts.publish(fourth, log.append(fourth))
    const second = follow(parts, log, { state })
    await second.onceThere(1)
    await second.end()
    expect(second.events).toMatchObject([{ leaf: 4, record: { n: 4 }, origin: log.origin }])
    expect(state.saved).toMatchObject({
      logs: { [log.origin]: { size: 5 } },
      chains: [{ instance: 'pdp', next: 5, gaps: [] }],
    })
  },
)

test(
  'a lying broker is found: nothing of it is handed over, and each lie is named',
  TIMEOUT,
  async () => {
    await using log = await ServedLog.start()
    const parts = await setUp(log)
    await using _bus = parts.bus
    const journal = new TestJournal('pdp')
    const [one, two, three, four] = journal.appendAll(4)
    if (!one || !two || !three || !four) throw new Error('four lines')
    const leaves = [one, two, three, four].map((line) => log.append(line))
    const foreign = new TestJournal('made-up').append()
    await parts.publish(one, 0)
    await parts.publish(tampered(two, 'alice', 'mallory'), 1)
    await parts.publish(foreign, 1)
    await parts.publish(foreign, leaves.length + 5)
    await parts.publish(foreign, 0, 'other.log')
    await parts.publish(one, 0)
    await parts.publish(four, 3)
    // The second is held back for ever, the third comes late.
    await parts.publish(three, 2)
    const suspects: SubscriberError[] = []
    const onSuspect = async (error: SubscriberError) => void suspects.push(error)
    const honest = follow(parts, log, { onSuspect })
    await honest.onceThere(3)
    await waitFor(() => suspects.length === 5, { ...SOON, what: 'the lies' })
    await honest.end()
    expect(honest.events.map(({ leaf }) => leaf)).toEqual([0, 3, 2])
    expect(suspects.map(({ code }) => code).toSorted()).toEqual([
      'event_forged',
      'event_forged',
      'event_forged',
      'event_missing',
      'event_uncovered',
    ])
    expect(suspects[0]?.message).toContain('message 2 on `verdict.decided.allow.shop.orders`')
    expect(suspects.at(-1)?.missing).toEqual({ instance: 'pdp', epoch: 1, from: 2, to: 2 })
  },
)

test('a lie ends the subscription where nobody is told of it', TIMEOUT, async () => {
  await using log = await ServedLog.start()
  const parts = await setUp(log)
  await using _bus = parts.bus
  const line = new TestJournal('pdp').append()
  await parts.publish(tampered(line, 'alice', 'mallory'), log.append(line))
  const { done, events } = follow(parts, log)
  await expect(done).rejects.toMatchObject({ code: 'event_forged' })
  // A filter changes nothing about it.
  await expect(follow(parts, log, { filtered: true }).done).rejects.toMatchObject({
    code: 'event_forged',
  })
  expect(events).toEqual([])
})

test(
  'a log that was rolled back, or rewritten, or signed by another is refused',
  TIMEOUT,
  async () => {
    await using log = await ServedLog.start()
    const parts = await setUp(log)
    await using _bus = parts.bus
    const lines = new TestJournal('pdp').appendAll(6)
    const state = new Memory()
    for (const line of lines.slice(0, 4)) await parts.publish(line, log.append(line))
    const first = follow(parts, log, { state })
    await first.onceThere(4)
    await first.end()
    const { saved } = state

    const [, , , , fifth, sixth] = lines
    if (!fifth || !sixth) throw new Error('six lines')
    log.shown = 3
    await parts.publish(fifth, log.append(fifth))
    await expect(follow(parts, log, { state }).done).rejects.toMatchObject({
      code: 'checkpoint_inconsistent',
    })
    log.shown = undefined
    const history = log.leaves
    log.leaves = history.with(0, Buffer.from('{"v":1}'))
    state.saved = saved
    await expect(follow(parts, log, { state }).done).rejects.toMatchObject({
      code: 'checkpoint_inconsistent',
    })
    log.leaves = history
    const key = (name: string, algorithm: KeyAlgorithm) =>
      formatVerifierKey(createSigner(name, algorithm, new Uint8Array(32).fill(9)).verifier)
    const witness = key('w.test', KeyAlgorithm.ed25519Cosignature)
    for (const untrusted of [
      { key: key(log.origin, KeyAlgorithm.ed25519) },
      { policy: `log ${log.options.key}\nwitness w ${witness}\nquorum w\n` },
    ]) {
      const { done } = follow(parts, log, { log: { ...log.options, ...untrusted } })
      await expect(done).rejects.toMatchObject({ code: 'checkpoint_untrusted' })
    }

    // The history that it knows goes on: the subscription does, too.
    const again = follow(parts, log, { state })
    await again.onceThere(1)
    await again.end()
    expect(again.events).toMatchObject([{ leaf: 4 }])
  },
)

test('a shard is verified with the key of the log, and the state is a file', TIMEOUT, async () => {
  await using dir = temporaryDirectory()
  await using log = await ServedLog.start('log.test/audit/2026-11')
  const parts = await setUp(log)
  await using _bus = parts.bus
  const line = new TestJournal('pdp').append()
  await parts.publish(line, log.append(line))
  const state = fileState(`${dir.path}/state.json`)
  const { end, events, onceThere } = follow(parts, log, { state })
  await onceThere(1)
  await end()
  expect(events).toMatchObject([{ origin: 'log.test/audit/2026-11', leaf: 0 }])
  expect(await state.load()).toMatchObject({ logs: { [log.origin]: { size: 1 } } })
  await writeFile(`${dir.path}/state.json`, '{}')
  await expect(follow(parts, log, { state }).done).rejects.toMatchObject({
    code: 'state_unreadable',
  })
})
