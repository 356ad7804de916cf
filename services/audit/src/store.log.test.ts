import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { JournalLine } from '@verdict/contract'
import { batchOf, TestJournal, tampered, temporaryDirectory, waitFor } from '@verdict/kit'
import { leafHash, parseTrustPolicy, parseVerifierKey, verifyTlogProof } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { decisionLeaf } from './log/leaf.ts'
import type { StoreWatch } from './open-store.ts'
import { Store } from './store.ts'

/** Tells nobody. */
const SILENT: StoreWatch = {
  opened: () => undefined,
  progress: () => undefined,
  published: () => undefined,
  failed: () => undefined,
}
const ALL = { before: Number.MAX_SAFE_INTEGER, limit: 1000 }

/** Records with everything that can be wrong about journals, so that each kind of leaf is there. */
function recordAll(store: Store): TestJournal {
  const journal = new TestJournal('pdp')
  const lines = journal.appendAll(600)
  const [first, second, third] = lines as [never, never, never]
  store.record(journal.message([first, third], 1))
  store.record(journal.message([second], 2))
  store.record(journal.message([tampered(second, 'alice', 'mallory')], 3))
  store.record(journal.message(lines.slice(3, 300), 4))
  store.record({ data: Buffer.alloc(200_000, 'no batch'), subject: journal.subject, seq: 5 })
  store.record(journal.message(lines.slice(310), 6))
  const other = new TestJournal('pdp-2')
  const [own] = other.appendAll(2) as [never]
  store.record(other.message([tampered(own, 'alice', 'mallory'), ...other.lines.slice(1)], 7))
  store.record({ data: batchOf(other.lines), subject: journal.subject, seq: 8 })
  return journal
}

/** Everything that a store answers. */
async function answersOf(store: Store): Promise<unknown> {
  const { entries } = store.follow({}, { after: 0, limit: 10_000 })
  const findings = store.findings(ALL)
  return {
    entries,
    page: await store.page({ principal: 'alice' }, { limit: 50 }),
    chains: store.chains(ALL),
    findings,
    evidence: findings.map(({ id }) => store.evidence(id)?.length),
    missing: store.missing,
    unresolved: store.unresolved(),
    lastIndex: store.lastIndex,
  }
}

test('an index that is deleted is built again, with the same answers', async () => {
  await using dir = temporaryDirectory()
  let answers: unknown
  {
    using store = await Store.open({ dir: dir.path })
    recordAll(store)
    answers = await answersOf(store)
  }
  expect(answers).toMatchObject({ missing: 10, unresolved: { gap: 1, malformed_batch: 1 } })
  for (const name of ['index.db', 'index.db-wal'])
    rmSync(path.join(dir.path, name), { force: true })
  const progress: number[] = []
  const watch = { ...SILENT, progress: (_work: string, done: number) => progress.push(done) }
  using store = await Store.open({ dir: dir.path, watch })
  expect(await answersOf(store)).toEqual(answers)
  expect(progress[0]).toBe(0)
  expect(progress.at(-1)).toBe(store.published.size)
  store.record(new TestJournal('pdp-3').message(new TestJournal('pdp-3').appendAll(1)))
})

test('an index that is broken, or of another log, is built again', async () => {
  await using dir = temporaryDirectory()
  await using other = temporaryDirectory()
  let answers: unknown
  {
    using store = await Store.open({ dir: dir.path })
    recordAll(store)
    answers = await answersOf(store)
    using foreign = await Store.open({ dir: other.path })
    const journal = new TestJournal('other')
    foreign.record(journal.message(journal.appendAll(3)))
  }
  for (const spoil of [
    () => cpSync(path.join(other.path, 'index.db'), path.join(dir.path, 'index.db')),
    () => cpSync(path.join(dir.path, 'log.key'), path.join(dir.path, 'index.db')),
  ]) {
    spoil()
    using store = await Store.open({ dir: dir.path })
    expect(await answersOf(store)).toEqual(answers)
  }
})

test('an index that has stayed behind catches up', async () => {
  await using dir = temporaryDirectory()
  const journal = new TestJournal('pdp')
  {
    using store = await Store.open({ dir: dir.path })
    store.record(journal.message(journal.appendAll(300)))
  }
  cpSync(path.join(dir.path, 'index.db'), path.join(dir.path, 'older.db'))
  {
    using store = await Store.open({ dir: dir.path })
    store.record(journal.message(journal.appendAll(5)))
  }
  cpSync(path.join(dir.path, 'older.db'), path.join(dir.path, 'index.db'))
  using store = await Store.open({ dir: dir.path })
  expect(store.lastIndex).toBe(305)
  const { known, stored } = store.record(journal.message(journal.lines))
  expect([known.length, stored.length]).toEqual([305, 0])
})

test('evidence is in the log, whole, and survives the index', async () => {
  await using dir = temporaryDirectory()
  const data = Buffer.alloc(300_000, 'not a batch ')
  {
    using store = await Store.open({ dir: dir.path })
    const message = { data, subject: 'verdict.journal.pdp', seq: 3 }
    expect(store.record(message).findings).toHaveLength(1)
    expect(store.record(message).findings).toEqual([])
    expect([store.lastIndex, store.published.size]).toEqual([0, 0])
  }
  rmSync(path.join(dir.path, 'index.db'))
  using store = await Store.open({ dir: dir.path })
  expect(store.published.size).toBe(1 + Math.ceil(data.length / 48_000))
  expect(Buffer.from(store.evidence(1) ?? []).equals(data)).toBe(true)
})

test('what was recorded before a crash is there, with a checkpoint', async () => {
  await using dir = temporaryDirectory()
  await using after = temporaryDirectory()
  const journal = new TestJournal('pdp')
  using store = await Store.open({ dir: dir.path, checkpointMs: 60_000 })
  store.record(journal.message(journal.appendAll(4)))
  expect(store.published.size).toBe(0)
  // What a process leaves that is killed: all that it has written, and nothing after.
  for (const name of ['log', 'staged', 'log.key', 'lock.db', 'lock.db-wal']) {
    cpSync(path.join(dir.path, name), path.join(after.path, name), { recursive: true })
  }
  using restarted = await Store.open({ dir: after.path })
  expect(restarted.lastIndex).toBe(4)
  // With the key of the journal, and its seal.
  expect(restarted.published.size).toBe(6)
})

test('a checkpoint is made by itself, and at a stop at once', async () => {
  await using dir = temporaryDirectory()
  const published: number[] = []
  const watch: StoreWatch = { ...SILENT, published: ({ size }) => published.push(size) }
  const journal = new TestJournal('pdp')
  {
    using store = await Store.open({ dir: dir.path, watch })
    store.record(journal.message(journal.appendAll(2)))
    store.record(journal.message(journal.appendAll(2)))
    expect(store.published.size).toBe(0)
    await waitFor(() => published.length > 0, { deadlineMs: 10_000, what: 'a checkpoint' })
    // The key of the journal, and a seal for each message.
    expect(published).toEqual([7])
  }
  {
    using store = await Store.open({ dir: dir.path, checkpointMs: 60_000 })
    store.record(journal.message(journal.appendAll(2)))
    expect(store.published.size).toBe(7)
  }
  expect(readFileSync(path.join(dir.path, 'log/checkpoint'), 'utf8').split('\n')[1]).toBe('10')
})

test('a checkpoint that cannot be shown is told, and nothing is taken in after it', async () => {
  await using dir = temporaryDirectory()
  const failures: unknown[] = []
  const watch = { ...SILENT, failed: (error: unknown) => failures.push(error) }
  const store = await Store.open({ dir: dir.path, watch, checkpointMs: 1 })
  const journal = new TestJournal('pdp')
  rmSync(path.join(dir.path, 'log'), { recursive: true })
  writeFileSync(path.join(dir.path, 'log'), 'no directory any more')
  store.record(journal.message(journal.appendAll(2)))
  const failed = { code: 'log_failed' }
  await waitFor(() => failures.length > 0, { deadlineMs: 10_000, what: 'the failure' })
  expect(failures).toMatchObject([failed])
  expect(() => store.record(journal.message(journal.appendAll(1)))).toThrow(
    expect.objectContaining(failed),
  )
  expect(store.lastIndex).toBe(2)
  store[Symbol.dispose]()
  // Nobody was shown the checkpoint that the lock record has.
  await expect(Store.open({ dir: dir.path })).rejects.toMatchObject(failed)
})

test('a receipt waits for its checkpoint, and proves the line of the journal', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const journal = recordAll(store)
  const policy = parseTrustPolicy(`log ${store.verifierKey}\nquorum none\n`)
  for (const line of [journal.append(), journal.lines[1] as JournalLine]) {
    store.record(journal.message([line]))
    const receipt = await store.receipt(line.record.id)
    const { extra } = verifyTlogProof(receipt ?? '', leafHash(decisionLeaf(line)), policy)
    expect(Buffer.from(extra ?? []).toString()).toBe(`${line.hash} ${line.json}`)
  }
  expect(await store.receipt('0193a0c0-0000-7000-8000-000000000000')).toBeUndefined()
})

test('the key is made once and for its owner alone, and the origin stays', async () => {
  await using dir = temporaryDirectory()
  const open = (origin?: string): Promise<Store> => Store.open({ dir: dir.path, origin })
  let key = ''
  {
    using store = await open()
    key = store.verifierKey
    expect(parseVerifierKey(key).name).toMatch(/^verdict-audit-[0-9a-f]{16}$/)
    expect(statSync(path.join(dir.path, 'log.key')).mode & 0o777).toBe(0o600)
  }
  {
    using store = await open()
    expect(store.verifierKey).toBe(key)
    expect(store.published.origin).toBe(parseVerifierKey(key).name)
  }
  await expect(open('another.example/log')).rejects.toMatchObject({ code: 'origin_wrong' })
  await expect(open('with space')).rejects.toMatchObject({ code: 'origin_wrong' })
  rmSync(path.join(dir.path, 'log.key'))
  await expect(open()).rejects.toMatchObject({ code: 'log_key_missing' })
})

test('a lock record on another disk shows that the directory is a restored backup', async () => {
  await using dir = temporaryDirectory()
  await using backup = temporaryDirectory()
  await using disk = temporaryDirectory()
  const lockFile = path.join(disk.path, 'lock.db')
  const journal = new TestJournal('pdp')
  const record = async (): Promise<void> => {
    using store = await Store.open({ dir: dir.path, lockFile })
    store.record(journal.message(journal.appendAll(3)))
  }
  await record()
  cpSync(dir.path, backup.path, { recursive: true })
  await record()
  await expect(Store.open({ dir: backup.path, lockFile })).rejects.toMatchObject({
    code: 'log_older',
  })
})

test('what an older version has stored is brought into the log, and nothing is lost', async () => {
  await using dir = temporaryDirectory()
  const journal = new TestJournal('pdp')
  const lines = journal.appendAll(2_500)
  const evidence = Buffer.alloc(100_000, 'evidence')
  writeLegacyStore(
    path.join(dir.path, 'audit.db'),
    [...lines.slice(0, 5), ...lines.slice(7)],
    evidence,
  )
  const progress: string[] = []
  const watch: StoreWatch = {
    ...SILENT,
    progress: (work, done, total) => progress.push(`${work} ${done}/${total}`),
  }
  {
    using store = await Store.open({ dir: dir.path, watch })
    expect(store.lastIndex).toBe(2_498)
    expect(store.published.size).toBeGreaterThan(2_498)
    const { entries } = store.follow({}, { after: 0, limit: 10_000 })
    expect(entries.map(({ json }) => json)).toEqual(
      [...lines.slice(0, 5), ...lines.slice(7)].map(({ json }) => json),
    )
    expect(store.findings(ALL)).toMatchObject([
      { kind: 'malformed_batch', seq: 41, noticedAt: '2026-03-01T00:00:02.000Z' },
      { kind: 'gap', from: 6, to: 7, seq: 40, noticedAt: '2026-03-01T00:00:01.000Z' },
    ])
    expect(Buffer.from(store.evidence(2) ?? []).equals(evidence)).toBe(true)
  }
  expect(progress.at(-1)).toBe('migration 2498/2498')
  expect(existsSync(path.join(dir.path, 'audit.db'))).toBe(false)
  expect(existsSync(path.join(dir.path, 'audit.db.migrated'))).toBe(true)

  using store = await Store.open({ dir: dir.path })
  const { resolved, stored } = store.record(journal.message(lines))
  expect(stored.map(({ record }) => record.n)).toEqual([6, 7])
  expect(resolved).toMatchObject([{ kind: 'gap', seq: 40 }])
})

test('a migration that was interrupted goes on where it was', async () => {
  await using dir = temporaryDirectory()
  const lines = new TestJournal('pdp').appendAll(50)
  const file = path.join(dir.path, 'audit.db')
  writeLegacyStore(file, [...lines.slice(0, 5), ...lines.slice(7)], Buffer.from('x'))
  cpSync(file, path.join(dir.path, 'copy'))
  const first = await Store.open({ dir: dir.path })
  const size = first.lastIndex
  first[Symbol.dispose]()
  // As if the process had died before it put the database aside.
  cpSync(path.join(dir.path, 'copy'), file)
  using store = await Store.open({ dir: dir.path })
  expect([store.lastIndex, store.findings(ALL).length]).toEqual([size, 2])
  expect(readFileSync(path.join(dir.path, 'log/checkpoint'), 'utf8')).toBe(store.published.note)
})

/** The tables of the version before the log was in files. */
function writeLegacyStore(
  file: string,
  lines: readonly { hash: string; json: string }[],
  evidence: Uint8Array,
): void {
  using db = new DatabaseSync(file)
  db.exec(`
    CREATE TABLE log (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL, json TEXT NOT NULL) STRICT;
    CREATE TABLE findings (
      id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, instance TEXT,
      epoch INTEGER, from_n INTEGER, to_n INTEGER, seq INTEGER NOT NULL, detail TEXT NOT NULL,
      noticed_at TEXT NOT NULL, resolved_at TEXT, evidence BLOB
    ) STRICT;
    PRAGMA user_version=1;
    BEGIN`)
  const insert = db.prepare('INSERT INTO log (hash, json) VALUES (?, ?)')
  for (const { hash, json } of lines) insert.run(hash, json)
  const finding = db.prepare(
    `INSERT INTO findings (key, kind, instance, epoch, from_n, to_n, seq, detail, noticed_at, evidence)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'of old', ?, ?)`,
  )
  const [gapAt, batchAt] = ['2026-03-01T00:00:01.000Z', '2026-03-01T00:00:02.000Z']
  finding.run('gap 1 6 pdp', 'gap', 'pdp', 1, 6, 7, 40, gapAt, null)
  finding.run(
    'malformed_batch 41 x',
    'malformed_batch',
    null,
    null,
    null,
    null,
    41,
    batchAt,
    evidence,
  )
  db.exec('COMMIT')
}
