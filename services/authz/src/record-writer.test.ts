import { RecordClass } from '@verdict/contract'
import { JournalError, JournalErrorCode, openJournal } from '@verdict/journal'
import { temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { JournalEvents } from './journal-events.ts'
import { RecordWriter, type RecordWriterOptions } from './record-writer.ts'

const DEADLINE_MS = 10_000
const ENCODE = ({ n }: { n: number }): string => `{"n":${n}}`
const LATER = { deadlineMs: Number.POSITIVE_INFINITY }

/** A journal whose appends a test lets through, or refuses. */
function journalOf() {
  const lines: string[] = []
  const dropped: string[] = []
  const lost: { records: number; activations: number }[] = []
  const answered: RecordClass[] = []
  const state: { refusal: JournalErrorCode | undefined; n: number } = { refusal: undefined, n: 0 }
  const journal: RecordWriterOptions['journal'] = {
    append: async (encode) => {
      if (state.refusal !== undefined) throw new JournalError(state.refusal, 'not now')
      state.n += 1
      const position = { instance: 'pdp', epoch: 1, n: state.n }
      lines.push(encode(position))
      return position
    },
  }
  const journalEvents = new JournalEvents({
    journal,
    onDropped: (reason) => dropped.push(reason),
    onLost: (what) => lost.push(what),
  })
  const onRecorded = (recordClass: RecordClass): number => answered.push(recordClass)
  const records = (): object[] => lines.map((line) => JSON.parse(line))
  return { journal, journalEvents, onRecorded, answered, dropped, lines, lost, records, state }
}

test('the first that says a class has it: the policy, the route, the setting, the journal', () => {
  const parts = journalOf()
  const { journal, replicated, bestEffort } = RecordClass
  expect(new RecordWriter(parts).classOf(undefined, undefined)).toBe(journal)
  const writer = new RecordWriter({ ...parts, recordClass: replicated })
  expect(writer.classOf(undefined, undefined)).toBe(replicated)
  expect(writer.classOf(undefined, bestEffort)).toBe(bestEffort)
  expect(writer.classOf(journal, bestEffort)).toBe(journal)
})

test('the class journal waits for the journal, and fails where that does', async () => {
  const parts = journalOf()
  const writer = new RecordWriter(parts)
  await writer.write(ENCODE, RecordClass.journal, LATER)
  expect(parts.lines).toEqual(['{"n":1}'])
  parts.state.refusal = JournalErrorCode.full
  const refused = writer.write(ENCODE, RecordClass.journal, LATER)
  await expect(refused).rejects.toMatchObject({ code: 'record_failed' })
  expect(parts.answered).toEqual(['journal'])
  expect(parts.dropped).toEqual([])
})

test('the class replicated waits for the stream, and is an error when that takes too long', async () => {
  const parts = journalOf()
  const asked: number[] = []
  const streams = { has: true }
  const stored = async (n: number): Promise<boolean> => {
    asked.push(n)
    return streams.has
  }
  const writer = new RecordWriter({ ...parts, stored })
  await writer.write(ENCODE, RecordClass.replicated, LATER)
  streams.has = false
  const late = writer.write(ENCODE, RecordClass.replicated, LATER)
  await expect(late).rejects.toMatchObject({ code: 'record_unreplicated' })
  expect(asked).toEqual([1, 2])
  expect(parts.answered).toEqual(['replicated'])
  // Nobody ships: the class can't be met.
  const never = new RecordWriter(parts).write(ENCODE, RecordClass.replicated, LATER)
  await expect(never).rejects.toMatchObject({ code: 'record_unreplicated' })
})

test('the class best_effort waits for nothing; what is dropped is counted, then on record', async () => {
  const parts = journalOf()
  const writer = new RecordWriter(parts)
  const { state, records } = parts
  state.refusal = JournalErrorCode.full
  for (let at = 0; at < 3; at += 1) await writer.write(ENCODE, RecordClass.bestEffort, LATER)
  await waitFor(() => parts.dropped.length === 3, { deadlineMs: DEADLINE_MS, what: 'the drops' })
  state.refusal = JournalErrorCode.overloaded
  await writer.write(ENCODE, RecordClass.bestEffort, LATER)
  await waitFor(() => parts.dropped.length === 4, { deadlineMs: DEADLINE_MS, what: 'the drop' })
  expect(parts.dropped).toEqual(['full', 'full', 'full', 'overloaded'])
  state.refusal = undefined
  // Before the next record, whatever its class.
  await writer.write(ENCODE, RecordClass.journal, LATER)
  const placed = { instance: 'pdp', epoch: 1, v: 1, id: expect.any(String) }
  const span = { since: expect.any(String), until: expect.any(String) }
  expect(records()).toMatchObject([
    { ...placed, n: 1, gap: { count: 3, reason: 'full', ...span } },
    { ...placed, n: 2, gap: { count: 1, reason: 'overloaded', ...span } },
    { n: 3 },
  ])
  await parts.journalEvents[Symbol.asyncDispose]()
  expect(parts.lines).toHaveLength(3)
  expect(parts.lost).toEqual([])
})

test('a gap is written without a further record, and at the stop', async () => {
  const parts = journalOf()
  const { journalEvents, state, records } = parts
  state.refusal = JournalErrorCode.full
  journalEvents.dropped(new JournalError(JournalErrorCode.full, 'not now'))
  state.refusal = undefined
  await waitFor(() => parts.lines.length === 1, { deadlineMs: DEADLINE_MS, what: 'the gap' })
  state.refusal = JournalErrorCode.full
  journalEvents.dropped(new JournalError(JournalErrorCode.full, 'not now'))
  state.refusal = undefined
  await journalEvents[Symbol.asyncDispose]()
  expect(records()).toMatchObject([{ gap: { count: 1 } }, { gap: { count: 1 } }])
  expect(parts.lost).toEqual([])
})

test('what no journal has taken until the stop is told as lost', async () => {
  const parts = journalOf()
  const { journalEvents, state, lost } = parts
  state.refusal = JournalErrorCode.failed
  journalEvents.dropped(new JournalError(JournalErrorCode.failed, 'no'))
  journalEvents.dropped(new Error('of another kind'))
  journalEvents.activated({ revision: 'r1' })
  await journalEvents[Symbol.asyncDispose]()
  expect(parts.dropped).toEqual(['failed', 'internal'])
  expect(lost).toEqual([{ records: 2, activations: 1 }])
})

test('an activation is in the journal before the first decision after it', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  const events = new JournalEvents({ journal, onDropped: () => {}, onLost: () => {} })
  const writer = new RecordWriter({ journal, journalEvents: events })
  events.activated({ revision: 'r1', bundle: 'shop', serial: 4, digest: 'd', pointer: 'a.b.c' })
  let n = 0
  const encode = (position: { n: number }): string => {
    ;({ n } = position)
    return '{}'
  }
  await writer.write(encode, RecordClass.journal, LATER)
  expect(n).toBe(2)
  await events[Symbol.asyncDispose]()
})
