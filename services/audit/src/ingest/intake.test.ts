import { TestJournal, temporaryDirectory } from '@verdict/kit'
import { createLog, createMetrics } from '@verdict/service'
import { expect, test } from 'vitest'
import { createEvents } from '../events.ts'
import { Store } from '../store.ts'
import { Feed } from '../stream/feed.ts'
import { Intake } from './intake.ts'

/** An intake whose listeners are an array; `bus.connected` is what it believes of the bus. */
function intakeOf(store: Store) {
  const told: number[] = []
  const failures: unknown[] = []
  const bus = { connected: true }
  const log = createLog({ service: 'audit', instance: 'audit-test', level: 'silent' })
  const intake = new Intake({
    ...{ store, feed: new Feed(), events: createEvents(log, createMetrics('audit')) },
    connected: () => bus.connected,
    tell: ({ index }) => told.push(index),
    fail: (error) => failures.push(error),
  })
  return { intake, told, failures, bus }
}

test('listeners are told of new records, and of all when a batch is redelivered', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const { intake, told } = intakeOf(store)
  const journal = new TestJournal('pdp')
  const message = journal.message(journal.appendAll(3))
  intake.take({ ...message, redelivered: false })
  expect(told.splice(0)).toEqual([1, 2, 3])
  // Sent again by the decision point: a message of its own.
  intake.take({ ...message, redelivered: false })
  expect(told.splice(0)).toEqual([])
  intake.take({ ...message, redelivered: true })
  expect(told.splice(0)).toEqual([1, 2, 3])
})

test('a batch that listeners could not be told of is not done with', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const { bus, intake, told } = intakeOf(store)
  const journal = new TestJournal('pdp')
  const message = journal.message(journal.appendAll(2))
  bus.connected = false
  expect(() => intake.take({ ...message, redelivered: false })).toThrow(
    expect.objectContaining({ code: 'not_told' }),
  )
  expect([store.lastIndex, told.length, intake.health().ok]).toEqual([2, 0, true])
  bus.connected = true
  intake.take({ ...message, redelivered: true })
  expect(told).toEqual([1, 2])
})

test('several messages are taken in together, and listeners are told in their order', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const { bus, intake, told } = intakeOf(store)
  const journal = new TestJournal('pdp')
  const messages = [1, 2, 3].map((seq) => journal.message(journal.appendAll(2), seq))
  const delivered = (redelivered: boolean) =>
    messages.map((message) => ({ ...message, redelivered }))
  bus.connected = false
  expect(() => intake.takeAll(delivered(false))).toThrow(
    expect.objectContaining({ code: 'not_told' }),
  )
  expect([store.lastIndex, told.length]).toEqual([6, 0])
  bus.connected = true
  intake.takeAll(delivered(true))
  expect(told).toEqual([1, 2, 3, 4, 5, 6])
  expect([store.lastIndex, store.unresolved()]).toEqual([6, {}])
})

test('a store that fails is said by the health, and nobody is told of anything', async () => {
  await using dir = temporaryDirectory()
  const store = await Store.open({ dir: dir.path })
  const { intake, told } = intakeOf(store)
  const journal = new TestJournal('pdp')
  store[Symbol.dispose]()
  const message = { ...journal.message(journal.appendAll(2)), redelivered: false }
  expect(() => intake.take(message)).toThrow(expect.objectContaining({ code: 'store_failed' }))
  expect(intake.health()).toMatchObject({ ok: false })
  expect(told).toEqual([])
})
