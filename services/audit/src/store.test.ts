import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { chainHash, type JournalLine, parseJournalLine, subjects } from '@verdict/contract'
import { batchOf, TestJournal, tampered, temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { Store } from './store.ts'

type FiveLines = [JournalLine, JournalLine, JournalLine, JournalLine, JournalLine]

const ALL = { before: Number.MAX_SAFE_INTEGER, limit: 1000 }

test('a record is stored once, however often its batch is delivered', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const journal = new TestJournal('pdp')
  const lines = journal.appendAll(3)
  const first = store.record(journal.message(lines))
  expect(first.stored.map(({ index }) => index)).toEqual([1, 2, 3])
  const again = store.record(journal.message(lines))
  expect(again.stored).toEqual([])
  expect(again.known.map(({ index, json }) => [index, json])).toEqual(
    lines.map(({ json }, at) => [at + 1, json]),
  )
  expect(store.lastIndex).toBe(3)
  expect(store.findings(ALL)).toEqual([])
  expect(store.find(lines[1]?.record.id ?? '')).toEqual({
    index: 2,
    leaf: 2,
    hash: lines[1]?.hash,
    json: lines[1]?.json,
  })
})

test('a gap is on the record, and resolved by the records that arrive late', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const journal = new TestJournal('pdp')
  const lines = journal.appendAll(7)
  store.record(journal.message(lines.slice(0, 1)))
  const { findings } = store.record(journal.message(lines.slice(5), 9))
  expect(findings).toMatchObject([
    { kind: 'gap', instance: 'pdp', epoch: 1, from: 2, to: 5, seq: 9 },
  ])
  const middle = store.record(journal.message(lines.slice(2, 4)))
  expect(middle.resolved).toEqual([])
  const [state] = store.chains(ALL)
  expect(state).toMatchObject({
    missing: 2,
    gaps: [
      { from: 2, to: 2 },
      { from: 5, to: 5 },
    ],
  })
  expect(state).toMatchObject({ chain: { last: 7 }, unresolved: { gap: 1 } })
  store.record(journal.message(lines.slice(4, 5)))
  const last = store.record(journal.message(lines.slice(1, 2)))
  expect(last.resolved).toMatchObject([{ kind: 'gap', from: 2, to: 5 }])
  expect(store.chains(ALL)).toMatchObject([{ missing: 0, gaps: [], unresolved: {} }])
  expect(store.findings(ALL)).toMatchObject([{ kind: 'gap', resolvedAt: expect.any(String) }])
  expect(store.lastIndex).toBe(7)
})

test('a changed line is stored and marked, and the chain goes on', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const journal = new TestJournal('pdp')
  const [first, second, third] = journal.appendAll(3) as [never, never, never]
  const changed = tampered(second, 'alice', 'mallory')
  const { stored, findings } = store.record(journal.message([first, changed, third], 4))
  expect(findings).toMatchObject([{ kind: 'broken_chain', from: 2, to: 2, seq: 4 }])
  expect(stored.map(({ record }) => record.principal)).toEqual(['alice', 'mallory', 'alice'])
})

test('a line whose hash was changed too shows at the line after it', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const journal = new TestJournal('pdp')
  const [first, second, third] = journal.appendAll(3) as [never, never, never]
  const { findings } = store.record(journal.message([first, forged(first, second), third]))
  expect(findings).toMatchObject([{ kind: 'broken_chain', from: 3, to: 3 }])
})

test('a gap that is filled with a forged line shows at the line behind the gap', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const journal = new TestJournal('pdp')
  const [first, second, third] = journal.appendAll(3) as [never, never, never]
  store.record(journal.message([first, third]))
  const { findings, resolved } = store.record(journal.message([forged(first, second)], 8))
  expect(findings).toMatchObject([{ kind: 'broken_chain', from: 3, to: 3, seq: 8 }])
  expect(resolved).toMatchObject([{ kind: 'gap' }])
})

test('a second line for a place is a conflict, and is kept as evidence', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const journal = new TestJournal('pdp')
  const [first, second] = journal.appendAll(2) as [never, never]
  store.record(journal.message([first, second]))
  for (const other of [forged(first, second), tampered(second, 'alice', 'mallory')]) {
    const { findings, known, stored } = store.record(journal.message([other]))
    expect({ known, stored }).toEqual({ known: [], stored: [] })
    expect(findings).toMatchObject([{ kind: 'conflict', from: 2, to: 2 }])
    const evidence = store.evidence(findings[0]?.id ?? 0)
    expect(Buffer.from(evidence ?? []).toString()).toBe(Buffer.from(batchOf([other])).toString())
    expect(store.record(journal.message([other])).findings).toEqual([])
  }
  expect(store.follow({}, { after: 0, limit: 10 }).entries).toMatchObject([first, second].map(text))
})

test('records under the subject of another instance are not stored as either', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const [own, foreign] = [new TestJournal('pdp-1'), new TestJournal('pdp-2')]
  const data = batchOf([foreign.append(), own.append(), foreign.append()])
  const { findings, stored } = store.record({ data, subject: own.subject, seq: 5 })
  expect(stored.map(({ record }) => record.instance)).toEqual(['pdp-1'])
  expect(findings).toMatchObject([
    { kind: 'unsealed', instance: 'pdp-1', from: 1, to: 1, seq: 5 },
    { kind: 'foreign_instance', instance: 'pdp-2', seq: 5 },
  ])
  expect(store.chains(ALL).map(({ chain }) => chain.instance)).toEqual(['pdp-1'])
  expect(Buffer.from(store.evidence(findings[1]?.id ?? 0) ?? [])).toEqual(data)
})

test('a message that is no batch of records is a finding with its bytes', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const journal = new TestJournal('pdp')
  const line = journal.append()
  const bad = [
    'not a batch\n',
    `${line.hash} ${line.json}`,
    `${line.hash} ${line.json}\n\n`,
    `${line.hash} ${line.json.replace('"n":1', '"n":0')}\n`,
    `${line.hash} ${line.json.replace('"outcome":"allow"', '"outcome":"maybe"')}\n`,
    `${line.hash} ${line.json.replace('"service":"orders"', '"service":7')}\n`,
    `${line.hash} ${line.json.replace(/"time":"[^"]*"/, '"time":"noon"')}\n`,
    `${line.hash} ${line.json.replace(/"id":"[^"]*"/, '"id":"7"')}\n`,
    // What could be taken for a leaf of another kind, and what is longer than a leaf.
    `{${line.hash.slice(1)} ${line.json}\n`,
    `${line.hash} ${line.json.replace('"path":"/orders"', `"path":"/${'x'.repeat(65_536)}"`)}\n`,
  ]
  for (const [at, text] of bad.entries()) {
    const message = { data: Buffer.from(text), subject: journal.subject, seq: at + 1 }
    const { findings, stored } = store.record(message)
    expect(stored).toEqual([])
    expect(findings).toMatchObject([{ kind: 'malformed_batch', seq: at + 1 }])
    expect(Buffer.from(store.evidence(findings[0]?.id ?? 0) ?? []).toString()).toBe(text)
    expect(store.record(message).findings).toEqual([])
  }
  expect(store.lastIndex).toBe(0)
})

test('after a restart the chains go on where they were', async () => {
  await using dir = temporaryDirectory()
  const journal = new TestJournal('pdp')
  const lines = journal.appendAll(6)
  {
    using store = await Store.open({ dir: dir.path })
    store.record(journal.message([...lines.slice(0, 2), ...lines.slice(3, 4)]))
  }
  using store = await Store.open({ dir: dir.path })
  const { findings, resolved, stored } = store.record(journal.message(lines))
  expect(stored.map(({ index, record }) => [index, record.n])).toEqual([
    [4, 3],
    [5, 5],
    [6, 6],
  ])
  expect(findings).toEqual([])
  expect(resolved).toMatchObject([{ kind: 'gap', from: 3, to: 3 }])
})

test('a later epoch of an instance is a chain of its own', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  for (const journal of [new TestJournal('pdp', 1), new TestJournal('pdp', 2)]) {
    const { findings, stored } = store.record(journal.message(journal.appendAll(2)))
    expect([findings.length, stored.length]).toEqual([0, 2])
  }
  expect(store.chains(ALL).map(({ chain }) => [chain.epoch, chain.last])).toEqual([
    [2, 2],
    [1, 2],
  ])
})

test('a message that fails half-way leaves nothing behind, and can be given again', async () => {
  await using dir = temporaryDirectory()
  const clock: { stopped: boolean } = { stopped: true }
  const now = (): number => {
    if (clock.stopped) throw new Error('the clock has stopped')
    return 1_700_000_000_000
  }
  using store = await Store.open({ dir: dir.path, now })
  const journal = new TestJournal('pdp')
  const [first, second, third, fourth, fifth] = journal.appendAll(5) as FiveLines
  store.record(journal.message([first, second]))
  // The first line is taken in, then the gap before the second can't be noted.
  const failing = journal.message([third, fifth])
  expect(() => store.record(failing)).toThrow('the clock has stopped')
  expect(store.lastIndex).toBe(2)
  expect(store.find(third.record.id)).toBeUndefined()
  expect(store.chains(ALL)).toMatchObject([{ chain: { last: 2 }, missing: 0 }])
  clock.stopped = false
  const again = store.record(failing)
  expect(again.stored.map(({ index }) => index)).toEqual([3, 4])
  expect(again.findings).toMatchObject([{ kind: 'gap', from: 4, to: 4 }])
  const { resolved, stored } = store.record(journal.message([fourth]))
  expect(stored.map(({ index }) => index)).toEqual([5])
  expect(resolved).toMatchObject([{ kind: 'gap', from: 4, to: 4 }])
})

test('a second writer on the same directory is refused until the first has closed', async () => {
  await using dir = temporaryDirectory()
  {
    using _first = await Store.open({ dir: dir.path })
    await expect(Store.open({ dir: dir.path })).rejects.toMatchObject({
      code: 'data_dir_in_use',
      message: expect.stringContaining(dir.path),
    })
  }
  using second = await Store.open({ dir: dir.path })
  expect(second.lastIndex).toBe(0)
})

test('a store of a later version is refused', async () => {
  await using dir = temporaryDirectory()
  const first = await Store.open({ dir: dir.path })
  first[Symbol.dispose]()
  const db = new DatabaseSync(path.join(dir.path, 'audit.db'))
  db.exec('PRAGMA user_version=99')
  db.close()
  await expect(Store.open({ dir: dir.path })).rejects.toMatchObject({ code: 'data_dir_too_new' })
})

test('a file that is no store is an error that says so', async () => {
  await using dir = temporaryDirectory()
  writeFileSync(path.join(dir.path, 'audit.db'), 'this is not a database, and it is long enough')
  await expect(Store.open({ dir: dir.path })).rejects.toMatchObject({ code: 'store_failed' })
})

test('the subject of an instance with an odd name is its own', async () => {
  await using dir = temporaryDirectory()
  using store = await Store.open({ dir: dir.path })
  const journal = new TestJournal('pdp.eu > 1')
  expect(journal.subject).toBe(subjects.journal('pdp.eu > 1'))
  expect(store.record(journal.message([journal.append()])).stored).toHaveLength(1)
})

/** Another record in the place of a line, with a chain hash that follows from the line before. */
function forged(before: { hash: string }, line: { json: string }) {
  const json = line.json.replaceAll('alice', 'mallory')
  return parseJournalLine(`${chainHash(before.hash, json)} ${json}`)
}

function text({ hash, json }: { hash: string; json: string }) {
  return { hash, json }
}
