import { mkdir, rm, rmdir } from 'node:fs/promises'
import path from 'node:path'
import {
  DECISIONS,
  JOURNAL_BATCH_BYTES_MAX,
  JOURNAL_LINE_BYTES_MAX,
  type JournalLine,
  parseJournalBatch,
} from '@verdict/contract'
import { temporaryDirectory, waitFor } from '@verdict/kit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HeldFiles } from '../test/faulty-files.ts'
import { expectWholeChain, noteOf } from '../test/lines.ts'
import { noting } from '../test/noting.ts'
import type { Journal } from './journal.ts'
import { openJournal } from './open-journal.ts'
import { listSegments } from './segment.ts'
import { RETRY_DELAY_MS_MAX, type ShipEvent, type Shipper, shipJournal } from './shipper.ts'

const DEADLINE_MS = 10_000
const SEGMENT_BYTES_MAX = 4_000

/** A store that a test can make fail or wait, with a shipper that ships to it. */
class Sink implements AsyncDisposable {
  readonly batches: Uint8Array[] = []
  readonly events: ShipEvent[] = []
  readonly shipper: Shipper
  calls = 0
  concurrent = 0
  concurrentMax = 0
  /** Called with the number of the call; what it throws is the store's failure. */
  before: (call: number) => Promise<void> | void = () => {}
  /** As `before`, but when the batch is stored: the acknowledgement is lost. */
  after: (call: number) => Promise<void> | void = () => {}
  readonly #ending = new AbortController()

  constructor(journal: Journal, lingerMs = 1) {
    this.shipper = shipJournal({
      journal,
      store: (batch) => this.#store(batch),
      batchBytesMax: JOURNAL_LINE_BYTES_MAX,
      lingerMs,
      onEvent: (event) => this.events.push(event),
      signal: this.#ending.signal,
    })
  }

  get lines(): JournalLine[] {
    return this.batches.flatMap((batch) => parseJournalBatch(batch).lines)
  }

  get numbers(): number[] {
    return this.lines.map(({ record }) => record.n)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await this.shipper.done
  }

  async #store(batch: Uint8Array): Promise<void> {
    this.calls += 1
    const { calls } = this
    this.concurrent += 1
    this.concurrentMax = Math.max(this.concurrentMax, this.concurrent)
    try {
      await this.before(calls)
      this.batches.push(Buffer.from(batch))
      await this.after(calls)
    } finally {
      this.concurrent -= 1
    }
  }
}

async function append(journal: Journal, count: number, note = ''): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => journal.append(noting(note))))
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

test('all lines are shipped in order, in batches of whole lines below the bound', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path, segmentBytesMax: 1_000_000 })
  await append(journal, 400, 'x'.repeat(500))
  await using sink = new Sink(journal)
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
  await append(journal, 1, 'x'.repeat(60_000))
  await append(journal, 10)
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)

  const lines = sink.lines
  expect(lines).toHaveLength(411)
  expectWholeChain(lines, journal)
  for (const batch of sink.batches) {
    const { controls } = parseJournalBatch(batch)
    const extra = controls.reduce((sum, { json }) => sum + json.length + 1, 0)
    expect(batch.length - extra).toBeLessThanOrEqual(JOURNAL_LINE_BYTES_MAX)
    expect(extra).toBeLessThanOrEqual(DECISIONS.maxMessageBytes - JOURNAL_BATCH_BYTES_MAX)
    expect(batch.at(-1)).toBe(0x0a)
  }
  // No more batches than the bound asks for.
  expect(sink.batches.length).toBeLessThanOrEqual(400 / 100 + 3)
  expect(sink.shipper.position()).toEqual({ shipped: 411, durable: 411 })
  const shipped = sink.events.filter((event) => event.type === 'shipped')
  expect(shipped.reduce((sum, { lines: count }) => sum + count, 0)).toBe(411)
  expect(shipped.at(-1)?.n).toBe(411)
})

test('while a batch is in flight the next one grows', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  await using sink = new Sink(journal)
  const held = Promise.withResolvers<void>()
  sink.before = () => held.promise
  await append(journal, 1)
  await waitFor(() => sink.calls === 1, { deadlineMs: DEADLINE_MS, what: 'the first batch' })
  for (let count = 0; count < 50; count += 1) await append(journal, 1)
  expect(sink.calls).toBe(1)
  held.resolve()
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
  expect(sink.batches.map((batch) => parseJournalBatch(batch).lines.length)).toEqual([1, 50])
})

test('the first line is shipped at once, and a drain waits for no company', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  await using sink = new Sink(journal, 10 * DEADLINE_MS)
  await append(journal, 1)
  await waitFor(() => journal.shipped === 1, { deadlineMs: DEADLINE_MS, what: 'the first line' })
  await append(journal, 1)
  await append(journal, 1)
  expect(sink.numbers).toEqual([1])
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
  expect(sink.numbers).toEqual([1, 2, 3])
  expect(sink.calls).toBe(2)
})

test('failures of the store lose nothing and change no order, one batch in flight', async () => {
  const failing = fc.array(fc.constantFrom('before', 'after', 'none'), { maxLength: 4 })
  const groups = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(groups, failing, async (counts, failures) => {
      await using directory = temporaryDirectory()
      const { path: dir } = directory
      await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
      await using sink = new Sink(journal)
      sink.before = (call) => {
        if (failures[call - 1] === 'before') throw new Error('no leader')
      }
      sink.after = (call) => {
        if (failures[call - 1] === 'after') throw new Error('timeout')
      }
      for (const count of counts) await append(journal, count, 'x'.repeat(300))
      await waitFor(() => journal.shipped === journal.lastDurable, {
        deadlineMs: DEADLINE_MS,
        what: 'all lines to be shipped',
      })
      const first = new Map(sink.lines.map((line) => [line.record.n, line]))
      expectWholeChain([...first.values()], journal)
      expect(first.size).toBe(counts.reduce((sum, count) => sum + count, 0))
      expect(sink.concurrentMax).toBe(1)
    }),
    { numRuns: 12, endOnFailure: true },
  )
}, 60_000)

test('a store that fails is tried again, later each time, with the same lines', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  await using sink = new Sink(journal)
  const failure = new Error('no responders')
  sink.before = (call) => {
    if (call <= 3) throw failure
  }
  await append(journal, 1)
  await waitFor(() => sink.events.length === 4, { deadlineMs: DEADLINE_MS, what: 'the line' })
  expect(sink.events.map(({ type }) => type)).toEqual(['retry', 'retry', 'retry', 'shipped'])
  const retries = sink.events.filter((event) => event.type === 'retry')
  for (const [index, { step, attempt, delayMs, error }] of retries.entries()) {
    expect({ step, attempt, error }).toEqual({ step: 'store', attempt: index + 1, error: failure })
    expect(delayMs).toBeGreaterThanOrEqual(50 * 2 ** index)
    expect(delayMs).toBeLessThanOrEqual(Math.min(100 * 2 ** index, RETRY_DELAY_MS_MAX))
  }
  expect(sink.numbers).toEqual([1])
})

test('shipping goes on where it was after a restart', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  {
    await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
    await append(journal, 100)
    await using sink = new Sink(journal)
    expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
    expect(sink.numbers).toEqual(range(1, 100))
  }
  {
    await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
    await append(journal, 50)
    await using sink = new Sink(journal)
    sink.after = () => {
      throw new Error('the acknowledgement is lost')
    }
    await waitFor(() => sink.batches.length > 0, { deadlineMs: DEADLINE_MS, what: 'a batch' })
    expect(sink.numbers[0]).toBe(101)
  }
  await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
  await append(journal, 1)
  await using sink = new Sink(journal)
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
  expect(sink.numbers).toEqual(range(101, 151))
})

test('without its mark a journal ships again what it still has', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  {
    await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
    await append(journal, 100)
    await append(journal, 3)
    await journal.cover({ epoch: journal.epoch, n: 103 })
    await using sink = new Sink(journal)
    expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
  }
  await rm(path.join(dir, 'shipped'))
  await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
  await using sink = new Sink(journal)
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
  expect(sink.numbers).toEqual(range(101, 103))
  expect(noteOf(sink.lines[0] ?? expect.unreachable())).toBe('')
})

test('segments go when they are wholly shipped and covered, all but the one that is appended to', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
  for (let count = 0; count < 5; count += 1) await append(journal, 40)
  expect((await listSegments(dir)).length).toBeGreaterThan(4)
  const { bytes } = journal
  await journal.cover({ epoch: journal.epoch, n: 200 })
  await using sink = new Sink(journal)
  sink.before = (call) => {
    if (call === 3) throw new Error('not now')
  }
  await waitFor(() => sink.calls === 3, { deadlineMs: DEADLINE_MS, what: 'the third call' })
  expect((await listSegments(dir)).length).toBeGreaterThan(1)
  expect(journal.bytes).toBeLessThan(bytes)
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
  expect(await listSegments(dir)).toHaveLength(1)
  expect(journal.bytes).toBeLessThan(SEGMENT_BYTES_MAX)
})

test('a segment that can not be deleted holds nothing up, and goes later', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
  for (let count = 0; count < 4; count += 1) await append(journal, 40)
  await journal.cover({ epoch: journal.epoch, n: 160 })
  const [first = ''] = (await listSegments(dir)).map((segment) => segment.path)
  await using sink = new Sink(journal)
  sink.before = async (call) => {
    if (call > 1) return
    await rm(first)
    await mkdir(first)
  }
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
  expect(sink.numbers).toEqual(range(1, 160))
  expect(sink.events.map(({ type }) => type)).toContain('release_failed')
  expect((await listSegments(dir)).length).toBeGreaterThan(3)
  await rmdir(first)
  await append(journal, 1)
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
  expect(await listSegments(dir)).toHaveLength(1)
})

test('a drain gives up in time, and ends when the shipper does', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  await using sink = new Sink(journal)
  expect(await sink.shipper.drain(0)).toBe(true)
  sink.before = () => {
    throw new Error('down')
  }
  await append(journal, 1)
  expect(await sink.shipper.drain(50)).toBe(false)
  const drain = sink.shipper.drain(DEADLINE_MS)
  await sink[Symbol.asyncDispose]()
  expect(await drain).toBe(false)
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(false)
  expect(journal.shipped).toBe(0)
})

test('the signal ends a shipper that has nothing to do, or no store to talk to', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  await new Sink(journal)[Symbol.asyncDispose]()
  await append(journal, 1)
  const sink = new Sink(journal)
  sink.before = () => {
    throw new Error('down')
  }
  await waitFor(() => sink.events.length > 2, { deadlineMs: DEADLINE_MS, what: 'some retries' })
  await sink[Symbol.asyncDispose]()
  expect(sink.batches).toEqual([])
})

test('lines are shipped although the disk takes no more of them', async () => {
  await using directory = temporaryDirectory()
  const files = new HeldFiles()
  await using journal = await openJournal({ dir: directory.path, files })
  await append(journal, 5)
  files.failure = new Error('EIO')
  await expect(append(journal, 5)).rejects.toMatchObject({ code: 'failed' })
  await using sink = new Sink(journal)
  expect(await sink.shipper.drain(DEADLINE_MS)).toBe(true)
  expect(sink.numbers).toEqual(range(1, 5))
})

test('who waits for a record to be stored is told when it is, in time or not', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  const sink = new Sink(journal, 10 * DEADLINE_MS)
  await append(journal, 1)
  await waitFor(() => journal.shipped === 1, { deadlineMs: DEADLINE_MS, what: 'the first line' })
  expect(await sink.shipper.stored(1, 0)).toBe(true)
  await append(journal, 2)
  // The pause ends, because somebody waits.
  const both = [sink.shipper.stored(3, DEADLINE_MS), sink.shipper.stored(2, DEADLINE_MS)]
  expect(await Promise.all(both)).toEqual([true, true])
  expect(await sink.shipper.stored(4, 10)).toBe(false)
  sink.before = () => {
    throw new Error('down')
  }
  await append(journal, 1)
  const never = sink.shipper.stored(4, 10 * DEADLINE_MS)
  await sink[Symbol.asyncDispose]()
  expect(await never).toBe(false)
  expect(await sink.shipper.stored(4, DEADLINE_MS)).toBe(false)
})
