import { COVERED_INTERVAL_MS, type ControlLine, parseJournalBatch } from '@verdict/contract'
import { temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { noting } from '../test/noting.ts'
import type { Journal } from './journal.ts'
import { openJournal } from './open-journal.ts'
import { RESEND_AFTER_MS, RESEND_AFTER_MS_MAX, Resender } from './resender.ts'
import type { ShipEvent } from './shipper.ts'

const SEGMENT_BYTES_MAX = 4_000
const NOTE = 'x'.repeat(300)

/** What is sent again, by a clock of its own. */
class Again implements AsyncDisposable {
  readonly messages: number[][] = []
  readonly controls: ControlLine[] = []
  readonly events: ShipEvent[] = []
  readonly resender: Resender
  readonly #epoch: number
  nowMs = 0
  isDown: boolean = false
  readonly #ending = new AbortController()

  constructor(journal: Journal, afterMs?: number) {
    this.#epoch = journal.epoch
    this.resender = new Resender({
      journal,
      store: async (message) => {
        if (this.isDown) throw new Error('down')
        const { lines, controls } = parseJournalBatch(message)
        expect(controls.at(-1)).toMatchObject({ kind: 'seal', seal: { n: lines.at(-1)?.record.n } })
        this.messages.push(lines.map(({ record }) => record.n))
        this.controls.push(...controls)
      },
      onEvent: (event) => this.events.push(event),
      signal: this.#ending.signal,
      ...(afterMs === undefined ? { now: () => this.nowMs } : { afterMs }),
    })
  }

  async told(n: number, afterMs: number): Promise<number[]> {
    this.nowMs += afterMs
    const before = this.messages.length
    this.resender.told({ epoch: this.#epoch, n })
    await this.resender[Symbol.asyncDispose]()
    return this.messages.slice(before).flat()
  }

  /** It is told every 15 s, so often. */
  async toldOften(n: number, times: number): Promise<number[][]> {
    const before = this.messages.length
    for (let time = 0; time < times; time += 1) await this.told(n, COVERED_INTERVAL_MS)
    return this.messages.slice(before)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await this.resender[Symbol.asyncDispose]()
  }
}

/** Appends lines of which the stream acknowledged all. */
async function append(journal: Journal, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => journal.append(noting(NOTE))))
  await journal.markShipped({ n: journal.lastDurable, hash: '_'.repeat(43) })
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

test('lines that do not reach the log are sent again, from the first one that it lacks', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
  for (let count = 0; count < 5; count += 1) await append(journal, 20)
  await using again = new Again(journal)
  expect(await again.told(55, 0)).toEqual([])
  expect(await again.told(55, RESEND_AFTER_MS - 1)).toEqual([])
  // It is slow, and not stuck.
  expect(await again.told(57, 1)).toEqual([])
  expect(await again.told(57, RESEND_AFTER_MS - 1)).toEqual([])
  expect(await again.told(57, 1)).toEqual(numbers(58, 100))
  expect(again.events).toMatchObject([{ type: 'resent', from: 58, to: 100, lines: 43 }])
  // The key may have been in one of the messages that were lost.
  expect(again.controls[0]?.kind).toBe('journalKey')
})

test('what is not shipped yet is left to the shipper', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  await append(journal, 10)
  await Promise.all(Array.from({ length: 5 }, () => journal.append(noting(NOTE))))
  await using again = new Again(journal)
  await again.told(2, 0)
  expect(await again.told(2, RESEND_AFTER_MS)).toEqual(numbers(3, 10))
})

test('who was away is given time, and who is away is sent nothing', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  await append(journal, 10)
  await using again = new Again(journal)
  await again.told(2, 0)
  expect(await again.told(2, 10 * RESEND_AFTER_MS)).toEqual([])
  expect(await again.told(2, RESEND_AFTER_MS - 1)).toEqual([])
  expect(await again.told(2, 1)).toEqual(numbers(3, 10))
})

test('it is noticed in time although nothing is told meanwhile', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  await append(journal, 10)
  await using again = new Again(journal, 20)
  again.resender.told({ epoch: journal.epoch, n: 4 })
  const what = 'the lines to come again, and once more'
  await waitFor(() => again.messages.length === 2, { deadlineMs: 10_000, what })
  expect(again.messages).toEqual([numbers(5, 10), numbers(5, 10)])
})

test('what is shipped only since the log stood here is no reason to send anything', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  await append(journal, 10)
  await using again = new Again(journal)
  expect(await again.toldOften(10, 20)).toEqual([])
  again.resender.told({ epoch: journal.epoch - 1, n: 0 })
  await append(journal, 10)
  expect(await again.told(10, COVERED_INTERVAL_MS)).toEqual([])
  expect(await again.told(10, RESEND_AFTER_MS)).toEqual(numbers(11, 20))
  expect(await again.toldOften(20, 20)).toEqual([])
})

test('in vain it is tried less and less often; what a store refuses comes the next time', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  await append(journal, 5)
  await using again = new Again(journal)
  await again.told(0, 0)
  again.isDown = true
  await again.told(0, RESEND_AFTER_MS)
  expect(again.events).toMatchObject([{ type: 'resend_failed' }])
  again.isDown = false
  expect(await again.told(0, RESEND_AFTER_MS)).toEqual([])
  expect(await again.told(0, RESEND_AFTER_MS)).toEqual(numbers(1, 5))
  // After 2, 4, 8 and 16 times as long, then every ten minutes.
  const tenMinutes = RESEND_AFTER_MS_MAX / COVERED_INTERVAL_MS
  expect(await again.toldOften(0, tenMinutes)).toHaveLength(2)
  await again.toldOften(0, tenMinutes)
  expect(await again.toldOften(0, 5 * tenMinutes)).toHaveLength(5)
})

test('of much that was lost the next part follows as soon as the log has the last one', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  await using journal = await openJournal({ dir })
  // 6 MiB, more than is sent at once.
  for (let count = 0; count < 12; count += 1) await append(journal, 1_200)
  await using again = new Again(journal)
  await again.told(0, 0)
  const first = await again.told(0, RESEND_AFTER_MS)
  const last = first.at(-1) ?? 0
  expect(last).toBeGreaterThan(1_000)
  expect(last).toBeLessThan(journal.lastDurable)
  // Not all of it has arrived.
  expect(await again.told(last - 1, 1)).toEqual([])
  const rest = await again.told(last, 1)
  expect(rest.at(-1)).toBe(journal.lastDurable)
  expect(await again.told(journal.lastDurable, 1)).toEqual([])
})
