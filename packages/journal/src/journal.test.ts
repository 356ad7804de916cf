import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { JOURNAL_LINE_BYTES_MAX, type JournalPosition } from '@verdict/contract'
import { temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { HeldFiles, hesitantFiles } from '../test/faulty-files.ts'
import { expectWholeChain, linesOf, noteOf } from '../test/lines.ts'
import { noting } from '../test/noting.ts'
import type { Journal } from './journal.ts'
import { WAITING_BYTES_MAX } from './journal-room.ts'
import { BYTES_MAX_MIN, openJournal } from './open-journal.ts'

const DEADLINE_MS = 5_000

/** Appends records with these notes all at once. */
function appendAll(journal: Journal, notes: readonly string[]): Promise<JournalPosition[]> {
  return Promise.all(notes.map((note) => journal.append(noting(note))))
}

function notes(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `note ${index}`)
}

test('appended records are numbered, chained lines in a file, in the order of the appends', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  const positions = await appendAll(journal, notes(20))
  expect(positions.map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  const lines = await linesOf(directory.path)
  expectWholeChain(lines, journal)
  expect(lines.map(noteOf)).toEqual(notes(20))
  expect(journal.bytes).toBe(lines.reduce((sum, { json }) => sum + 45 + Buffer.byteLength(json), 0))
})

test('appends of one turn share one sync', async () => {
  await using directory = temporaryDirectory()
  const files = new HeldFiles()
  await using journal = await openJournal({ dir: directory.path, files })
  await appendAll(journal, notes(500))
  expect(journal.stats()).toEqual({ commits: 1, records: 500, waiting: 0 })
  expect(files.syncs).toBe(1)
})

test('no append resolves before its sync, and what comes meanwhile shares the next one', async () => {
  await using directory = temporaryDirectory()
  const files = new HeldFiles()
  await using journal = await openJournal({ dir: directory.path, files })
  files.hold()
  const settled: number[] = []
  const appends = [journal.append(noting('first')).then(({ n }) => settled.push(n))]
  await waitFor(() => files.syncs === 1, { deadlineMs: DEADLINE_MS, what: 'the first sync' })
  for (const note of notes(50)) {
    appends.push(journal.append(noting(note)).then(({ n }) => settled.push(n)))
  }
  expect(await linesOf(directory.path)).toHaveLength(1)
  expect(journal.lastDurable).toBe(0)
  expect(journal.stats().waiting).toBe(51)
  expect(await journal.reader().next(1024)).toBeUndefined()
  expect(settled).toEqual([])
  files.letGo()
  await Promise.all(appends)
  expect(settled).toEqual(Array.from({ length: 51 }, (_, index) => index + 1))
  expect(journal.stats()).toEqual({ commits: 2, records: 51, waiting: 0 })
})

test('a write that the disk takes in parts is completed before the sync', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path, files: hesitantFiles })
  await appendAll(journal, notes(30))
  expect((await linesOf(directory.path)).map(noteOf)).toEqual(notes(30))
})

test('a record that can not be encoded uses no number', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  const [failed, good] = await Promise.allSettled([
    journal.append(() => {
      throw new Error('no such field')
    }),
    journal.append(noting('good')),
  ])
  expect(failed).toMatchObject({ status: 'rejected', reason: { message: 'no such field' } })
  expect(good).toMatchObject({ status: 'fulfilled', value: { n: 1 } })
})

test('a line may have its longest length and no byte more', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path, instanceName: 'a' })
  const rest = 45 + noting('')({ instance: 'a', epoch: journal.epoch, n: 1 }).length
  const longest = `é${'x'.repeat(JOURNAL_LINE_BYTES_MAX - rest - 2)}`
  await expect(journal.append(noting(`${longest}x`))).rejects.toMatchObject({
    code: 'record_too_large',
  })
  expect(await journal.append(noting(longest))).toMatchObject({ n: 1 })
  expect(journal.bytes).toBe(JOURNAL_LINE_BYTES_MAX)
})

test('a record of two lines is refused, because it could not be read again', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path })
  const twoLines = (): string => '{\n}'
  await expect(journal.append(twoLines)).rejects.toMatchObject({ code: 'malformed_record' })
  expect(await journal.append(noting('good'))).toMatchObject({ n: 1 })
})

test('a full journal takes nothing, uses no number, and goes on when lines are covered', async () => {
  await using directory = temporaryDirectory()
  await using journal = await openJournal({ dir: directory.path, bytesMax: BYTES_MAX_MIN })
  const note = 'x'.repeat(20_000)
  // All at once: they are one group, larger than a segment should be.
  const outcomes = await Promise.allSettled(notes(20).map(() => journal.append(noting(note))))
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  expect(refused.length).toBeGreaterThan(0)
  for (const outcome of refused) expect(outcome).toMatchObject({ reason: { code: 'full' } })
  expect(journal.lastDurable).toBe(20 - refused.length)
  expect(journal.bytes).toBeLessThanOrEqual(BYTES_MAX_MIN)

  const hash = (await linesOf(directory.path)).at(-1)?.hash ?? ''
  await journal.markShipped({ n: journal.lastDurable, hash })
  await journal.release()
  expect(await journal.append(noting(note)).catch(({ code }) => code)).toBe('full')
  await journal.cover({ epoch: journal.epoch - 1, n: journal.lastDurable })
  expect(journal.covered).toBe(0)
  await journal.cover({ epoch: journal.epoch, n: journal.lastDurable })
  expect(journal.bytes).toBe(0)
  expect(await journal.append(noting(note))).toMatchObject({ n: 21 - refused.length })
})

test('what waits for a slow disk is bounded', async () => {
  await using directory = temporaryDirectory()
  const files = new HeldFiles()
  await using journal = await openJournal({ dir: directory.path, files })
  files.hold()
  const note = 'x'.repeat(60_000)
  const count = Math.ceil(WAITING_BYTES_MAX / note.length) + 1
  const appends = Promise.allSettled(notes(count).map(() => journal.append(noting(note))))
  await waitFor(() => files.syncs === 1, { deadlineMs: DEADLINE_MS, what: 'the sync' })
  await expect(journal.append(noting(note))).rejects.toMatchObject({ code: 'overloaded' })
  files.letGo()
  const refused = (await appends).filter(({ status }) => status === 'rejected')
  expect(refused.length).toBeGreaterThan(0)
  for (const outcome of refused) expect(outcome).toMatchObject({ reason: { code: 'overloaded' } })
  expect(await journal.append(noting(note))).toMatchObject({ n: count - refused.length + 1 })
})

test('a sync that fails ends the journal: all that wait fail, and it is never tried again', async () => {
  await using directory = temporaryDirectory()
  const files = new HeldFiles()
  const faults: unknown[] = []
  const { path: dir } = directory
  {
    await using journal = await openJournal({ dir, files, onFault: (fault) => faults.push(fault) })
    await journal.append(noting('durable'))
    files.hold()
    files.failure = new Error('EIO: i/o error, fdatasync')
    const inFlight = journal.append(noting('in flight'))
    await waitFor(() => files.syncs === 2, { deadlineMs: DEADLINE_MS, what: 'the second sync' })
    const outcomes = Promise.allSettled([
      inFlight,
      ...notes(5).map((x) => journal.append(noting(x))),
    ])
    files.letGo()
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'failed' } })
    }
    await expect(journal.append(noting('late'))).rejects.toMatchObject({ code: 'failed' })
    expect(faults).toEqual([journal.failure])
    expect(journal.failure?.message).toContain('EIO')
    expect(files.syncs).toBe(2)
    expect(journal.lastDurable).toBe(1)
    expect(journal.stats()).toEqual({ commits: 1, records: 1, waiting: 0 })
  }
  // What was written and not synced may be there, in full: it was answered with an error.
  await using again = await openJournal({ dir })
  expect(await again.append(noting('again'))).toMatchObject({ n: again.recovery.lines + 1 })
  expectWholeChain(await linesOf(dir), again)
})

test('a closed journal has written what was appended, and takes nothing more', async () => {
  await using directory = temporaryDirectory()
  const journal = await openJournal({ dir: directory.path })
  const appends = appendAll(journal, notes(10))
  const closed = journal.close()
  await expect(journal.append(noting('late'))).rejects.toMatchObject({ code: 'closed' })
  await Promise.all([closed, journal.close()])
  expect(await appends).toHaveLength(10)
  expect(await linesOf(directory.path)).toHaveLength(10)
})

test('numbers and chain go on over segments and restarts', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  let instance = ''
  for (let round = 0; round < 4; round += 1) {
    await using journal = await openJournal({ dir, segmentBytesMax: 1_000 })
    instance ||= journal.instance
    expect(journal.instance).toBe(instance)
    expect(journal.recovery).toEqual({ lines: round * 10, tornBytes: 0 })
    expect(journal.lastDurable).toBe(round * 10)
    for (const note of notes(10)) await journal.append(noting(note))
    const lines = await linesOf(dir)
    expect(lines).toHaveLength(round * 10 + 10)
    expectWholeChain(lines, journal)
  }
  expect(instance).toMatch(/^authz-[0-9a-f]{8}$/)
  const segments = (await readdir(dir)).filter((name) => name.endsWith('.journal'))
  expect(segments.length).toBeGreaterThan(5)
})

test('only whole segments go, only what is shipped goes, and the chain goes on without them', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  {
    await using journal = await openJournal({ dir, segmentBytesMax: 1_000 })
    for (const note of notes(40)) await journal.append(noting(note))
    await journal.cover({ epoch: journal.epoch, n: 40 })
    const lines = await linesOf(dir)
    expect(lines).toHaveLength(40)
    await journal.markShipped({ n: 21, hash: lines[20]?.hash ?? '' })
    await journal.release()
    const left = await linesOf(dir)
    expect(left.length).toBeLessThan(40)
    expect(left[0]?.record.n).toBeLessThanOrEqual(22)
    expect(left.at(-1)?.record.n).toBe(40)
  }
  {
    await using journal = await openJournal({ dir, segmentBytesMax: 1_000 })
    expect(journal.shipped).toBe(21)
    const hash = (await linesOf(dir)).at(-1)?.hash ?? ''
    await journal.markShipped({ n: 40, hash })
    await journal.cover({ epoch: journal.epoch, n: 40 })
  }
  await using journal = await openJournal({ dir, segmentBytesMax: 1_000 })
  const { lines: left } = journal.recovery
  expect(left).toBeLessThan(10)
  expect(await journal.append(noting('on'))).toMatchObject({ n: 41 })
  const segments = (await readdir(dir)).filter((name) => name.endsWith('.journal'))
  expect(segments.length).toBeLessThanOrEqual(2)
})

test('an instance keeps its name and epoch, and its directory takes no other', async () => {
  await using directory = temporaryDirectory()
  const dir = `${directory.path}/a/b`
  const instanceName = `edge-${randomUUID().slice(0, 8)}`
  const first = await openJournal({ dir, instanceName })
  await first.close()
  const again = await openJournal({ dir })
  expect(again).toMatchObject({ instance: instanceName, epoch: first.epoch })
  await again.close()
  expect(JSON.parse(await readFile(`${dir}/journal.json`, 'utf8'))).toEqual({
    instance: instanceName,
    epoch: first.epoch,
  })
  for (const [name, where] of [
    ['other', dir],
    ['a b', `${directory.path}/new`],
    ['', `${directory.path}/new`],
  ] as const) {
    await expect(openJournal({ dir: where, instanceName: name })).rejects.toMatchObject({
      code: 'wrong_instance',
    })
  }
})

test('a directory that can not be made is a failure with its reason', async () => {
  await expect(openJournal({ dir: '/dev/null/journal' })).rejects.toMatchObject({
    code: 'failed',
    message: expect.stringContaining('ENOTDIR'),
  })
})
