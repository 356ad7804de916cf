import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { freePort, TestJournal, temporaryDirectory } from '@verdict/kit'
import {
  createSigner,
  formatVerifierKey,
  KeyAlgorithm,
  leafHash,
  parseTrustPolicy,
  verifyTlogProof,
} from '@verdict/tlog'
import { expect, test } from 'vitest'
import { PersonalReader } from './key-store/personal-reader.ts'
import { decisionLeaf } from './log/leaf.ts'
import type { StoreOptions } from './open-store.ts'
import { Store } from './store.ts'
import { parseWitnessPolicy } from './witnesses/witness-policy.ts'

const ALL = { before: Number.MAX_SAFE_INTEGER, limit: 1000 }
const DAY_MS = 86_400_000
const MONTHS = ['2026-01-10', '2026-02-10', '2026-03-10', '2026-04-10'] as const

/** Three shards and an open one, with three records each; their times are those of the shards. */
class PrunedLog {
  readonly journal = new TestJournal('pdp')
  readonly #dir: string
  nowMs = Date.parse(MONTHS[0])

  constructor(dir: string) {
    this.#dir = dir
  }

  async open(options: Pick<StoreOptions, 'personal' | 'witnessPolicy'> = {}): Promise<Store> {
    const shards = { monthly: true }
    return await Store.open({ ...options, dir: this.#dir, shards, now: () => this.nowMs })
  }

  async write(): Promise<void> {
    using store = await this.open()
    for (const [at, month] of MONTHS.entries()) {
      this.nowMs = Date.parse(month)
      const principal = at === 1 ? 'bob' : 'alice'
      const lines = this.journal.appendAll(3, { timeMs: this.nowMs, principal })
      store.record(this.journal.message(lines, at + 1))
    }
  }

  removeIndex(): void {
    for (const suffix of ['', '-wal']) {
      rmSync(path.join(this.#dir, `index.db${suffix}`), { force: true })
    }
  }
}

function statesOf(store: Store): string {
  return store
    .shards()
    .map(({ state }) => state)
    .join(' ')
}

async function answersOf(store: Store): Promise<unknown> {
  return {
    entries: store.follow({}, { after: 0, limit: 10_000 }).entries,
    page: await store.page({}, { limit: 50 }),
    chains: store.chains(ALL),
    holds: store.retention.holds(),
    pruned: store.notes('pruned'),
    lastIndex: store.lastIndex,
    missing: store.missing,
  }
}

test('entries go when their period is over, and it is on the record before', async () => {
  await using dir = temporaryDirectory()
  const log = new PrunedLog(dir.path)
  await log.write()
  const receipts: string[] = []
  let answers: unknown
  {
    using store = await log.open()
    const lines = log.journal.lines
    for (const { record } of lines) receipts.push((await store.receipt(record.id)) ?? '')
    log.nowMs = Date.parse('2026-04-15')
    const before = store.shards()
    expect(await store.retention.prune(50 * DAY_MS)).toMatchObject([
      { shard: '2026-01', decisions: 3 },
      { shard: '2026-02', decisions: 3 },
    ])
    expect(statesOf(store)).toBe('pruned pruned closed open')
    expect(store.notes('pruned')).toMatchObject([
      { shard: '2026-01', leaves: before[0]?.size, first: 1, last: 3, reason: 'retention' },
      { shard: '2026-02', first: 4, last: 6 },
    ])
    // Hashes and checkpoints stay, and what was given out verifies.
    expect(existsSync(path.join(dir.path, 'log/2026-01/tile/entries'))).toBe(false)
    expect(store.tileFile('2026-01', `tile/entries/000.p/${before[0]?.size}`)).toBe('pruned')
    expect(store.tileFile('2026-01', `tile/0/000.p/${before[0]?.size}`)).toHaveLength(
      32 * (before[0]?.size ?? 0),
    )
    for (const [at, receipt] of receipts.entries()) {
      const vkey = before[Math.floor(at / 3)]?.vkey
      const policy = parseTrustPolicy(`log ${vkey}\nquorum none\n`)
      const line = lines[at]
      expect(line && verifyTlogProof(receipt, leafHash(decisionLeaf(line)), policy)).toBeTruthy()
    }
    const [, gone] = lines
    expect(gone && store.find(gone.record.id)).toBeUndefined()
    expect(store.follow({}, { after: 0, limit: 99 }).entries.map(({ index }) => index)).toEqual([
      7, 8, 9, 10, 11, 12,
    ])
    expect(store.retention.hasPruned(Date.parse('2026-01-10'))).toBe(true)
    expect(store.retention.hasPruned(Date.parse('2026-03-10'))).toBe(false)
    answers = await answersOf(store)
    // What was pruned is not taken for new, nor for a contradiction, when it is sent again.
    const { stored } = store.record(log.journal.message(lines, 9))
    expect([stored, store.findings(ALL)]).toEqual([[], []])
  }
  log.removeIndex()
  {
    using store = await log.open()
    expect(await answersOf(store)).toEqual(answers)
    const { stored } = store.record(log.journal.message(log.journal.lines, 10))
    expect([stored, store.missing, store.findings(ALL)]).toEqual([[], 0, []])
    const [next] = store.record(log.journal.message([log.journal.append()], 11)).stored
    expect(next?.index).toBe(13)
    expect(store.findings(ALL)).toEqual([])
  }
})

test('what is held stays, by whom and by when, until it is released', async () => {
  await using dir = temporaryDirectory()
  const log = new PrunedLog(dir.path)
  await log.write()
  log.nowMs = Date.parse('2027-01-01')
  {
    using store = await log.open()
    const actor = { address: '10.0.0.1' }
    const { retention } = store
    retention.hold({ name: 'case-7', reason: 'a prosecutor asked', principal: 'bob' }, actor)
    const march = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-31T00:00:00.000Z' }
    retention.hold({ name: 'march', reason: 'an audit', ...march }, actor)
    expect(() => retention.hold({ name: 'march', reason: 'twice' }, actor)).toThrow(
      expect.objectContaining({ code: 'hold_refused' }),
    )
    await retention.prune(30 * DAY_MS)
    // The month has changed, so the shard that was open is closed, and over as well.
    expect(statesOf(store)).toBe('pruned closed closed pruned open')
  }
  log.removeIndex()
  using store = await log.open()
  expect(store.retention.holds()).toMatchObject([
    { name: 'case-7', reason: 'a prosecutor asked', principal: 'bob', address: '10.0.0.1' },
    { name: 'march', from: '2026-03-01T00:00:00.000Z' },
  ])
  expect(store.retention.release('none', { actor: {} })).toBe(false)
  expect(store.retention.release('case-7', { reason: 'closed', actor: {} })).toBe(true)
  expect(store.notes('release')).toMatchObject([{ name: 'case-7', reason: 'closed' }])
  await store.retention.prune(30 * DAY_MS)
  expect(statesOf(store)).toBe('pruned pruned closed pruned open')
})

test('a hold outlives the shard that it was written in', async () => {
  await using dir = temporaryDirectory()
  const log = new PrunedLog(dir.path)
  log.nowMs = Date.parse('2026-01-01')
  {
    using store = await log.open()
    store.retention.hold({ name: 'old', reason: 'of old', principal: 'nobody' }, {})
  }
  await log.write()
  {
    using store = await log.open()
    log.nowMs = Date.parse('2026-04-15')
    await store.retention.prune(50 * DAY_MS)
    expect(statesOf(store)).toBe('pruned pruned closed open')
  }
  log.removeIndex()
  using store = await log.open()
  expect(store.retention.holds()).toMatchObject([{ name: 'old' }])
})

test('a pruning that was interrupted is finished, and entries that just vanished are not one', async () => {
  await using dir = temporaryDirectory()
  const log = new PrunedLog(dir.path)
  await log.write()
  log.nowMs = Date.parse('2026-04-15')
  const entries = (shard: string): string => path.join(dir.path, `log/${shard}/tile/entries`)
  {
    using store = await log.open()
    const [first] = store.shards()
    // As if the process had died right after this was durable.
    store.note('pruned', { shard: '2026-01', first: 1, last: 3, leaves: first?.size })
  }
  expect(existsSync(entries('2026-01'))).toBe(true)
  {
    using store = await log.open()
    expect(existsSync(entries('2026-01'))).toBe(false)
    expect([statesOf(store), store.find(log.journal.lines[0]?.record.id ?? '')]).toEqual([
      'pruned closed closed open',
      undefined,
    ])
  }
  rmSync(entries('2026-02'), { recursive: true })
  await expect(log.open()).rejects.toMatchObject({ code: 'log_damaged' })
})

test('a principal that records do not name is held by its pseudonyms, and not named either', async () => {
  await using dir = temporaryDirectory()
  const log = new PrunedLog(dir.path)
  await log.write()
  const keys = {
    key: () => undefined,
    pseudonymsOf: (name: string) => (name === 'B.' ? ['bob'] : []),
  }
  using store = await log.open({ personal: new PersonalReader(keys) })
  store.retention.hold({ name: 'case', reason: 'r', principal: 'B.' }, {})
  expect(JSON.stringify(store.notes('hold'))).not.toContain('B.')
  log.nowMs = Date.parse('2026-04-15')
  await store.retention.prune(50 * DAY_MS)
  expect(statesOf(store)).toBe('pruned closed closed open')
})

test('what no witness has cosigned stays, where a policy asks for it', async () => {
  await using dir = temporaryDirectory()
  const log = new PrunedLog(dir.path)
  await log.write()
  log.nowMs = Date.parse('2026-04-15')
  const seed = new Uint8Array(32).fill(9)
  const witness = createSigner('w.example', KeyAlgorithm.ed25519Cosignature, seed)
  // Nobody listens there.
  const url = `http://127.0.0.1:${await freePort()}/`
  {
    const unwitnessed = await log.open()
    const policy = [
      `log ${unwitnessed.verifierKey}`,
      `witness w ${formatVerifierKey(witness.verifier)} ${url}`,
      'quorum w',
    ]
    unwitnessed[Symbol.dispose]()
    using store = await log.open({ witnessPolicy: parseWitnessPolicy(`${policy.join('\n')}\n`) })
    expect(await store.retention.prune(50 * DAY_MS)).toEqual([])
  }
  using store = await log.open()
  expect(await store.retention.prune(50 * DAY_MS)).toHaveLength(2)
})
