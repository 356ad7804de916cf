import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { TestJournal, tampered, temporaryDirectory } from '@verdict/kit'
import { leafHash, parseTrustPolicy, verifyTlogProof } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { decisionLeaf } from './log/leaf.ts'
import type { ShardPlan } from './log/shard-name.ts'
import { Store } from './store.ts'

const ALL = { before: Number.MAX_SAFE_INTEGER, limit: 1000 }

/** A clock that a test sets. */
class TestClock {
  ms: number

  constructor(time: string) {
    this.ms = Date.parse(time)
  }

  set(time: string): void {
    this.ms = Date.parse(time)
  }

  readonly now = (): number => this.ms
}

async function openAt(
  dir: string,
  clock: TestClock,
  shards: ShardPlan = { monthly: true },
): Promise<Store> {
  const origin = 'logs.example/audit'
  return await Store.open({ dir, origin, shards, now: clock.now })
}

function namesOf(store: Store): string[] {
  return store.shards().map(({ name, size, state }) => `${name} ${size} ${state}`)
}

async function answersOf(store: Store): Promise<unknown> {
  return {
    entries: store.follow({}, { after: 0, limit: 10_000 }).entries,
    page: await store.page({ principal: 'alice' }, { limit: 50 }),
    chains: store.chains(ALL),
    findings: store.findings(ALL),
    missing: store.missing,
    lastIndex: store.lastIndex,
  }
}

test('a new month begins a shard, which says where the one before it has ended', async () => {
  await using dir = temporaryDirectory()
  const clock = new TestClock('2026-11-30T23:59:59.999Z')
  using store = await openAt(dir.path, clock)
  const journal = new TestJournal('pdp')
  store.record(journal.message(journal.appendAll(3), 1))
  clock.set('2026-12-01T00:00:00Z')
  store.record(journal.message(journal.appendAll(2), 2))
  const [first, second] = store.shards()
  expect([first?.name, first?.state, first?.origin, first?.path]).toEqual([
    '2026-11',
    'closed',
    'logs.example/audit/2026-11',
    '/log/2026-11/',
  ])
  expect([second?.name, second?.state, second?.path]).toEqual(['2026-12', 'open', '/log/2026-12/'])
  expect(store.notes('shard')).toEqual([
    { name: '2026-11', decisions: 0 },
    {
      name: '2026-12',
      decisions: 3,
      previous: {
        origin: first?.origin,
        size: first?.size,
        root: Buffer.from(first?.root ?? []).toString('base64'),
      },
    },
  ])
  expect(store.notes('closed')).toMatchObject([{ name: '2026-11', next: '2026-12' }])
  expect(store.follow({}, { after: 0, limit: 9 }).entries.map(({ json }) => json)).toEqual(
    journal.lines.map(({ json }) => json),
  )
  expect(store.findings(ALL)).toEqual([])
})

test('receipts of all shards verify with the key of the log under the name of each', async () => {
  await using dir = temporaryDirectory()
  const clock = new TestClock('2026-11-30T12:00:00Z')
  using store = await openAt(dir.path, clock)
  const journal = new TestJournal('pdp')
  for (const time of ['2026-11-30T12:00:00Z', '2026-12-02T12:00:00Z', '2027-02-01T12:00:00Z']) {
    clock.set(time)
    store.record(journal.message(journal.appendAll(2)))
  }
  const [, raw] = store.verifierKey.split(/\+[0-9a-f]{8}\+/)
  for (const [at, line] of journal.lines.entries()) {
    const { name = '', vkey = '' } = store.shards()[Math.floor(at / 2)] ?? {}
    expect(vkey).toMatch(new RegExp(`^logs\\.example/audit/${name}\\+`))
    expect(vkey.endsWith(`+${raw}`)).toBe(true)
    const receipt = (await store.receipt(line.record.id)) ?? ''
    const policy = parseTrustPolicy(`log ${vkey}\nquorum none\n`)
    expect(verifyTlogProof(receipt, leafHash(decisionLeaf(line)), policy).checkpoint.origin).toBe(
      `logs.example/audit/${name}`,
    )
  }
})

test('a clock that is set back keeps the shard, and by size a month has several', async () => {
  await using dir = temporaryDirectory()
  const clock = new TestClock('2026-11-15T00:00:00Z')
  const plan = { monthly: true, leavesMax: 20 }
  using store = await openAt(dir.path, clock, plan)
  const journal = new TestJournal('pdp')
  store.record(journal.message(journal.appendAll(10)))
  clock.set('2026-10-01T00:00:00Z')
  store.record(journal.message(journal.appendAll(10)))
  expect(namesOf(store)).toHaveLength(1)
  store.record(journal.message(journal.appendAll(10)))
  clock.set('2026-12-31T23:00:00Z')
  store.record(journal.message(journal.appendAll(20)))
  store.record(journal.message(journal.appendAll(1)))
  expect(store.shards().map(({ name }) => name)).toEqual([
    '2026-11',
    '2026-11-2',
    '2026-12',
    '2026-12-2',
  ])
  expect(store.lastIndex).toBe(51)
})

test('what is known stays known over shards, and a gap is closed from the next one', async () => {
  await using dir = temporaryDirectory()
  const clock = new TestClock('2026-11-15T00:00:00Z')
  const journal = new TestJournal('pdp')
  const lines = journal.appendAll(9)
  let answers: unknown
  {
    using store = await openAt(dir.path, clock)
    store.record(journal.message([...lines.slice(0, 3), ...lines.slice(5, 7)], 1))
    clock.set('2026-12-15T00:00:00Z')
    store.record(journal.message(lines.slice(7, 8), 2))
    const { known, stored } = store.record(journal.message(lines.slice(0, 4), 3))
    expect([known.length, stored.length]).toEqual([3, 1])
    const [first] = lines
    const forged = first && tampered(first, 'alice', 'mallory')
    store.record(journal.message(forged ? [forged] : [], 4))
    clock.set('2027-01-15T00:00:00Z')
    expect(store.record(journal.message(lines.slice(8), 5)).stored).toHaveLength(1)
    expect([store.missing, store.unresolved()['gap']]).toEqual([1, 1])
    const { resolved } = store.record(journal.message(lines.slice(4, 5), 6))
    expect(resolved).toMatchObject([{ kind: 'gap', from: 4, to: 5 }])
    expect(store.unresolved()['conflict']).toBe(1)
    answers = await answersOf(store)
  }
  for (const suffix of ['', '-wal'])
    rmSync(path.join(dir.path, `index.db${suffix}`), { force: true })
  using store = await openAt(dir.path, clock)
  expect(await answersOf(store)).toEqual(answers)
  expect(store.record(journal.message(lines, 7)).stored).toEqual([])
})

test('a log that was begun without shards goes on as the first one, under its own origin', async () => {
  await using dir = temporaryDirectory()
  const clock = new TestClock('2026-11-15T00:00:00Z')
  const journal = new TestJournal('pdp')
  {
    using store = await openAt(dir.path, clock, { monthly: false })
    store.record(journal.message(journal.appendAll(300)))
  }
  using store = await openAt(dir.path, clock)
  expect(store.shards().map(({ name, path }) => [name, path])).toEqual([['first', '/log/']])
  store.record(journal.message(journal.appendAll(1)))
  const [first, second] = store.shards()
  expect(first).toMatchObject({ origin: 'logs.example/audit', state: 'closed', path: '/log/' })
  expect(second).toMatchObject({ name: '2026-11', origin: 'logs.example/audit/2026-11' })
  expect(store.lastIndex).toBe(301)
  expect(store.findings(ALL)).toEqual([])
})

test('a shard that was exchanged, or a lock record from before a shard, stops the start', async () => {
  await using dir = temporaryDirectory()
  const clock = new TestClock('2026-11-15T00:00:00Z')
  const journal = new TestJournal('pdp')
  const lock = path.join(dir.path, 'lock.db')
  const kept = path.join(dir.path, 'kept.db')
  {
    using store = await openAt(dir.path, clock)
    store.record(journal.message(journal.appendAll(3)))
  }
  cpSync(lock, kept)
  {
    using store = await openAt(dir.path, clock)
    clock.set('2026-12-15T00:00:00Z')
    store.record(journal.message(journal.appendAll(3)))
  }
  cpSync(lock, path.join(dir.path, 'newest.db'))
  cpSync(kept, lock)
  await expect(openAt(dir.path, clock)).rejects.toMatchObject({ code: 'lock_record_older' })
  cpSync(path.join(dir.path, 'newest.db'), lock)
  const checkpoint = path.join(dir.path, 'log/2026-11/checkpoint')
  expect(existsSync(checkpoint)).toBe(true)
  const note = readFileSync(checkpoint)
  rmSync(checkpoint)
  await expect(openAt(dir.path, clock)).rejects.toMatchObject({ code: 'log_damaged' })
  expect(note.toString()).toContain('logs.example/audit/2026-11')
})

test('several messages are durable together, or none of them is', async () => {
  await using dir = temporaryDirectory()
  const clock = new TestClock('2026-11-15T00:00:00Z')
  using store = await openAt(dir.path, clock)
  const journal = new TestJournal('pdp')
  const messages = [1, 2, 3].map((seq) => journal.message(journal.appendAll(2), seq))
  const recorded = store.recordAll(messages)
  expect(recorded.map(({ stored }) => stored.map(({ index }) => index))).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
})

test('where one of several messages fails, none of them is taken in', async () => {
  await using dir = temporaryDirectory()
  const now = (): number => {
    throw new Error('the clock has stopped')
  }
  using store = await Store.open({ dir: dir.path, now })
  const journal = new TestJournal('pdp')
  const good = journal.message(journal.appendAll(2), 1)
  // A finding needs the time.
  const bad = { ...good, data: Buffer.from('no batch'), seq: 2 }
  expect(() => store.recordAll([good, bad])).toThrow('the clock has stopped')
  expect(store.lastIndex).toBe(0)
  expect(store.record(good).stored).toHaveLength(2)
})
