import { rmSync } from 'node:fs'
import path from 'node:path'
import {
  chainHash,
  encodeEvent,
  type JournalEventBody,
  type JournalLine,
  newDecisionId,
  parseJournalLine,
  RecordCheck,
} from '@verdict/contract'
import { batchOf, TestJournal, TestSealKey, tampered, temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { readLeaf } from '../log/leaf.ts'
import { openStore } from '../open-store.ts'
import { Store } from '../store.ts'
import type { PinnedKeys } from './pinned-keys.ts'
import type { Recorded } from './recorder.ts'

const ALL = { before: Number.MAX_SAFE_INTEGER, limit: 1000 }

/** A store, and the journal of a decision point whose first records are in its log. */
async function begun(pinnedKeys?: PinnedKeys) {
  const dir = temporaryDirectory()
  const store = await Store.open({ dir: dir.path, pinnedKeys })
  const journal = new TestJournal('pdp')
  let seq = 0
  const record = (data: Uint8Array, subject = journal.subject): Recorded => {
    seq += 1
    return store.record({ data, subject, seq })
  }
  const first = record(journal.sealed(journal.appendAll(3)))
  return {
    ...{ dir, store, journal, record, first },
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]()
      await dir[Symbol.asyncDispose]()
    },
  }
}

function kinds({ findings }: Recorded): string[] {
  return findings.map(({ kind }) => kind)
}

/** The kinds of all leaves, read from the log's own tiles. */
async function leafKinds(store: Store, dir: string): Promise<string[]> {
  store[Symbol.dispose]()
  const found: string[] = []
  using again = await openStore({ dir })
  for await (const leaves of again.log.leaves(0)) {
    for (const { leaf } of leaves) found.push(readLeaf(leaf).kind)
  }
  return found
}

test('keys and seals are leaves, each once, however often they are delivered', async () => {
  await using log = await begun()
  const { journal, record, first } = log
  expect(kinds(first)).toEqual([])
  expect(kinds(record(journal.sealed(journal.lines)))).toEqual([])
  expect(kinds(record(journal.sealed(journal.appendAll(2))))).toEqual([])
  expect(kinds(record(journal.sealed(journal.lines.slice(3))))).toEqual([])
  expect(kinds(record(journal.sealed(journal.lines)))).toEqual([])
  expect(await leafKinds(log.store, log.dir.path)).toEqual([
    ...['journalKey', 'decision', 'decision', 'decision', 'seal'],
    ...['decision', 'decision', 'seal'],
  ])
})

test('records that the holder of a bus key alone makes up are in the log, and found', async () => {
  await using log = await begun()
  const { journal, record, store } = log
  const made = journal.append({ principal: 'mallory' })
  const unsealed = record(batchOf([made]))
  expect(unsealed.stored).toHaveLength(1)
  expect(unsealed.findings).toMatchObject([{ kind: 'unsealed', from: 4, to: 4, instance: 'pdp' }])
  // With a key of their own, that they say is of the instance.
  const own = new TestSealKey('mallory')
  const next = journal.append({ principal: 'mallory' })
  const foreign = record(own.message([next], journal))
  expect(foreign.findings).toMatchObject([
    { kind: 'unendorsed_key', instance: 'pdp' },
    { kind: 'bad_seal', from: 5, to: 5 },
  ])
  expect(foreign.stored).toHaveLength(1)
  // Pretending that the known key endorses it.
  const { key } = journal
  const lie = own.line(journal, { from: 6 }).replace('"sig', `"previous":"${key.key}","sig`)
  expect(kinds(record(own.message([journal.append()], journal, [lie])))).toEqual([
    'unendorsed_key',
    'bad_seal',
  ])
  expect(store.unresolved()).toEqual({ unsealed: 1, unendorsed_key: 2, bad_seal: 2 })
})

test('the seal of another instance, of other records or behind more records does not hold', async () => {
  await using log = await begun()
  const { journal, record } = log
  const other = new TestJournal('other')
  record(other.sealed(other.appendAll(4)), other.subject)
  const [line] = journal.appendAll(1) as [JournalLine]
  const { n } = line.record
  const before = journal.lines[2] as JournalLine
  const seals = [
    other.key.seal({ n, hash: line.hash }, other),
    other.key.seal({ n, hash: line.hash }, journal),
    journal.key.seal({ n, hash: line.hash }, other),
    journal.key.seal({ n: n + 1, hash: line.hash }, journal),
    journal.key.seal({ n: 3, hash: before.hash }, journal),
    journal.key.seal({ n, hash: line.hash }, journal).replace('"signature":"', '"signature":"A'),
  ]
  for (const seal of seals) {
    expect(kinds(record(Buffer.concat([batchOf([line]), Buffer.from(`${seal}\n`)])))).toEqual([
      'bad_seal',
    ])
  }
  const twice = Buffer.concat([journal.sealed([line]), Buffer.from(`${seals[0]}\n`)])
  expect(kinds(record(twice))).toEqual(['bad_seal'])
  expect(kinds(record(journal.sealed([line])))).toEqual([])
})

test('a bit that is flipped on the way shows, in a record or in the chain', async () => {
  await using log = await begun()
  const { journal, record } = log
  const lines = journal.appendAll(3)
  const [first, second] = lines as [never, never]
  const changed = [first, tampered(second, 'alice', 'alicf'), ...lines.slice(2)]
  expect(kinds(record(journal.sealed(changed)))).toEqual(['broken_chain'])
  // Whoever computes the chain anew has no seal for it.
  const next = journal.append()
  const json = next.json.replaceAll('alice', 'mallory')
  const hash = chainHash(journal.lines.at(-2)?.hash ?? '', json)
  const anew = parseJournalLine(`${hash} ${json}`)
  const seal = journal.key.seal({ n: next.record.n, hash: next.hash }, journal)
  expect(kinds(record(Buffer.from(`${anew.hash} ${anew.json}\n${seal}\n`)))).toEqual(['bad_seal'])
})

test('a key may be followed by one that it endorses, once, and seals nothing after that', async () => {
  await using log = await begun()
  const { journal, record } = log
  const [second, third] = [new TestSealKey('second'), new TestSealKey('third')]
  const rotated = second.line(journal, { from: 4, previous: journal.key })
  expect(kinds(record(second.message(journal.appendAll(2), journal, [rotated])))).toEqual([])
  // What the first key has sealed is delivered again: it holds still.
  expect(kinds(record(journal.sealed(journal.lines.slice(0, 3))))).toEqual([])
  // The first key is replayed: for new records, and to endorse another successor.
  expect(kinds(record(journal.sealed(journal.appendAll(1))))).toEqual(['bad_seal'])
  const fork = third.line(journal, { from: 7, previous: journal.key })
  expect(kinds(record(third.message(journal.appendAll(1), journal, [fork])))).toEqual([
    'unendorsed_key',
    'bad_seal',
  ])
  const next = third.line(journal, { from: 8, previous: second })
  expect(kinds(record(third.message(journal.appendAll(1), journal, [next])))).toEqual([])
})

test('a newer key may seal older records that come again, and an older one no newer ones', async () => {
  await using log = await begun()
  const { journal, record } = log
  const lost = journal.appendAll(2)
  const second = new TestSealKey('second')
  const rotated = second.line(journal, { from: 6, previous: journal.key })
  const later = record(second.message(journal.appendAll(2), journal, [rotated]))
  expect(kinds(later)).toEqual(['gap'])
  const again = record(second.message([...lost, ...journal.lines.slice(5, 6)], journal, []))
  expect(kinds(again)).toEqual([])
  expect(again.resolved).toHaveLength(1)
  // All below its first record, too.
  expect(kinds(record(second.message(journal.lines.slice(0, 4), journal, [])))).toEqual([])
  expect(kinds(record(journal.sealed(journal.lines.slice(0, 5))))).toEqual([])
  expect(kinds(record(journal.sealed(journal.lines.slice(0, 6))))).toEqual(['bad_seal'])
  // Whoever verifies the log sees it so, too.
  const check = new RecordCheck()
  log.store[Symbol.dispose]()
  using opened = await openStore({ dir: log.dir.path })
  for await (const leaves of opened.log.leaves(0)) {
    for (const { leaf, index } of leaves) check.take(leaf, index)
  }
  check.end()
  expect(check.journals()).toMatchObject([{ gaps: [], records: 7, sealed: 7 }])
})

test('a later epoch is trusted under the same key, and under no other', async () => {
  await using log = await begun()
  const { record } = log
  const later = new TestJournal('pdp', 2)
  expect(kinds(record(later.sealed(later.appendAll(1))))).toEqual([])
  const made = new TestJournal('pdp', 3)
  const key = new TestSealKey('mallory')
  expect(kinds(record(key.message(made.appendAll(1), made)))).toEqual([
    'unendorsed_key',
    'bad_seal',
  ])
})

test('where keys are pinned, no other is trusted on first use', async () => {
  const pinned = new Map([
    ['pdp', [new TestSealKey('pdp').key]],
    ['other', [new TestSealKey('another').key]],
  ])
  await using log = await begun(pinned)
  expect(kinds(log.first)).toEqual([])
  for (const name of ['other', 'unheard-of']) {
    const journal = new TestJournal(name)
    const recorded = log.record(journal.sealed(journal.appendAll(1)), journal.subject)
    expect(kinds(recorded)).toEqual(['unendorsed_key', 'bad_seal'])
  }
})

test('a key that was trusted before another one was pinned seals nothing any more', async () => {
  await using log = await begun()
  const { journal, dir, store } = log
  store[Symbol.dispose]()
  const pinnedKeys = new Map([['pdp', [new TestSealKey('another').key]]])
  using again = await Store.open({ dir: dir.path, pinnedKeys })
  expect(kinds(again.record(journal.message(journal.appendAll(1), 9)))).toEqual(['bad_seal'])
})

test('events are in the chain and no decisions, and what they count is told of it', async () => {
  await using log = await begun()
  const { journal, record, store, dir } = log
  const time = '2026-03-01T00:00:00.000Z'
  const event = (body: JournalEventBody): JournalLine => {
    const n = journal.lines.length + 1
    const json = encodeEvent({ id: newDecisionId(), time }, body, { ...journal, n })
    const line = parseJournalLine(`${chainHash(journal.lines.at(-1)?.hash ?? '', json)} ${json}`)
    journal.lines.push(line as never)
    return line
  }
  const lines = [
    event({ gap: { count: 7, reason: 'full', since: time, until: time } }),
    event({ activation: { revision: 'r1', bundle: 'shop', serial: 3 } }),
    event({ dropped: { count: 1, outcome: 'allow' } }),
    journal.append(),
  ]
  const recorded = record(journal.sealed(lines))
  expect(kinds(recorded)).toEqual([])
  expect(kinds(record(journal.sealed(lines)))).toEqual([])
  const state = { dropped: 8, missing: 0, chain: { last: 7 } }
  expect(store.chains(ALL)).toMatchObject([state])
  const decided = store.follow({}, { after: 0, limit: 100 }).entries
  expect(decided).toHaveLength(4)
  store[Symbol.dispose]()
  rmSync(path.join(dir.path, 'index.db'))
  using again = await Store.open({ dir: dir.path })
  expect(again.chains(ALL)).toMatchObject([state])
  // The keys are known from the log: nothing is trusted anew.
  expect(kinds(again.record(journal.message(journal.appendAll(1), 50)))).toEqual([])
  const own = new TestSealKey('mallory')
  const made = own.message(journal.appendAll(1), journal)
  expect(kinds(again.record({ data: made, subject: journal.subject, seq: 51 }))).toEqual([
    'unendorsed_key',
    'bad_seal',
  ])
})

test('a record that is neither a decision nor an event makes its message malformed', async () => {
  await using log = await begun()
  const { journal, record } = log
  const time = '2026-03-01T00:00:00.000Z'
  const place = { epoch: 1, id: newDecisionId(), instance: 'pdp', n: 4, time, v: 1 }
  for (const body of [{}, { gap: { count: 0 } }, { gap: null }, { activation: {} }]) {
    const json = JSON.stringify({ ...body, ...place })
    const line = parseJournalLine(`${chainHash('', json)} ${json}`)
    expect(kinds(record(journal.sealed([line])))).toEqual(['malformed_batch'])
  }
})
