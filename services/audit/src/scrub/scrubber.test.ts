import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { TestJournal, temporaryDirectory, waitFor } from '@verdict/kit'
import { createLog, createMetrics, type Registry } from '@verdict/service'
import { bundlePath, GrowingTree, tilePath } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { Store } from '../store.ts'
import { DamageMark } from './damage-mark.ts'
import { scrubRound } from './log-scrub.ts'
import { ScrubEvents } from './scrub-events.ts'
import { Scrubber } from './scrubber.ts'

const SOON = { deadlineMs: 10_000 }
const RATE = 1_000_000

/** A log on disk of some hundred records, with all that a log has in it. */
async function written(dir: string): Promise<TestJournal> {
  using store = await Store.open({ dir, origin: 'log.example/audit', shards })
  const journal = new TestJournal('authz-1')
  for (let seq = 1; seq <= 8; seq++) store.record(journal.message(journal.appendAll(50), seq))
  const [late, last] = [journal.appendAll(5), journal.appendAll(5)]
  store.record(journal.message(last, 21))
  store.record({ ...journal.message(last, 22), data: Buffer.from('nothing') })
  store.record(journal.message(late, 23))
  const other = new TestJournal('authz-2')
  store.record({ ...other.message(other.appendAll(3), 24), data: unsealed(other) })
  store.note('operation', { who: 'somebody', what: 'hold' })
  return journal
}
const shards = { monthly: false, leavesMax: 300 }

function unsealed({ lines }: TestJournal): Uint8Array {
  return Buffer.from(lines.map(({ hash, json }) => `${hash} ${json}\n`).join(''))
}

class Scrubbing implements AsyncDisposable {
  readonly metrics: Registry = createMetrics('audit')
  readonly scrubber: Scrubber
  readonly store: Store

  private constructor(dir: string, store: Store) {
    this.store = store
    const log = createLog({ service: 'audit', instance: 'audit-test', level: 'silent' })
    this.scrubber = new Scrubber({
      ...{ store, rate: RATE, mark: new DamageMark(dir), roundPauseMs: 20, mendedMs: 20 },
      events: new ScrubEvents(log, this.metrics),
      signal: new AbortController().signal,
    })
  }

  static async begin(dir: string): Promise<Scrubbing> {
    const scrubbing = new Scrubbing(dir, await Store.open({ dir, shards }))
    await scrubbing.scrubber.begin()
    return scrubbing
  }

  async metric(name: string): Promise<number> {
    const line = (await this.metrics.metrics()).split('\n').find((row) => row.startsWith(name))
    return Number(line?.split(' ').at(-1))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scrubber[Symbol.asyncDispose]()
    this.store[Symbol.dispose]()
  }
}

test('a log as it is written is verified round after round, and nothing is found', async () => {
  await using dir = temporaryDirectory()
  await written(dir.path)
  await using scrubbing = await Scrubbing.begin(dir.path)
  const { store } = scrubbing
  expect(store.shards().length).toBeGreaterThan(1)
  const leaves = store.shards().reduce((sum, { size }) => sum + size, 0)
  const rounds = async () =>
    (await scrubbing.metric('verdict_audit_scrub_leaves_total')) >= 2 * leaves
  await waitFor(rounds, { ...SOON, what: 'two rounds' })
  expect(await scrubbing.metric('verdict_audit_scrub_round_end_seconds')).toBeGreaterThan(1e9)
  expect(await scrubbing.metric('verdict_audit_scrub_contradictions_total{of="records"')).toBe(0)
  expect(await scrubbing.metric('verdict_audit_scrub_contradictions_total{of="files"')).toBe(0)
  expect(scrubbing.scrubber.health().ok).toBe(true)
})

test('nothing is added to a log that is damaged, until its files are restored', async () => {
  await using dir = temporaryDirectory()
  const journal = await written(dir.path)
  const [file, copy] = [firstBundle(dir.path), path.join(dir.path, 'copy')]
  cpSync(file, copy)
  const bytes = readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(70_000) ^ 1, 70_000)
  writeFileSync(file, bytes)
  const more = journal.message(journal.appendAll(1), 30)
  const damaged = expect.objectContaining({
    code: 'damage_unmended',
    message: expect.stringMatching(/damaged in shard `\S+`, leaves (\d+) to \1: entry \1 is not/),
  })
  {
    await using scrubbing = await Scrubbing.begin(dir.path)
    const { scrubber, store } = scrubbing
    await waitFor(() => !scrubber.health().ok, { ...SOON, what: 'the damage to be found' })
    expect(() => store.record(more)).toThrow(damaged)
    expect(store.unresolved()).toMatchObject({ log_damaged: 1 })
    expect(await scrubbing.metric('verdict_audit_scrub_contradictions_total{of="files"')).toBe(1)
  }
  // Nor after a restart, before the scrubber has come by again.
  await using scrubbing = await Scrubbing.begin(dir.path)
  const { scrubber, store } = scrubbing
  expect(() => store.record(more)).toThrow(damaged)
  cpSync(copy, file)
  await waitFor(() => scrubber.health().ok, { ...SOON, what: 'the log to be whole again' })
  store.record(more)
  expect(store.unresolved().log_damaged ?? 0).toBe(0)
  expect(existsSync(path.join(dir.path, 'damaged.json'))).toBe(false)
})

test('a file that is gone is damage, too', async () => {
  await using dir = temporaryDirectory()
  await written(dir.path)
  rmSync(firstBundle(dir.path))
  await using scrubbing = await Scrubbing.begin(dir.path)
  const { scrubber } = scrubbing
  await waitFor(() => !scrubber.health().ok, { ...SOON, what: 'the damage to be found' })
  expect(scrubber.health().detail).toContain('leaves 0 to 255: `tile/entries/000` is missing')
})

test('a log goes on to be verified when entries were pruned', async () => {
  await using dir = temporaryDirectory()
  const journal = new TestJournal('authz-1')
  let nowMs = Date.parse('2026-01-10')
  const options = { dir: dir.path, shards: { monthly: true }, now: () => nowMs }
  using store = await Store.open(options)
  for (const [at, month] of ['2026-01-10', '2026-02-10', '2026-03-10'].entries()) {
    nowMs = Date.parse(month)
    store.record(journal.message(journal.appendAll(3, { timeMs: nowMs }), at + 1))
  }
  await store.retention.prune(40 * 86_400_000)
  expect(store.shards().map(({ state }) => state)).toEqual(['pruned', 'closed', 'open'])
  const wrong: unknown[] = []
  let leaves = 0
  for await (const step of scrubRound(store, (error) => wrong.push(error))) leaves += step.leaves
  expect(wrong).toEqual([])
  const [first, ...rest] = store.shards().map(({ size }) => size)
  expect(first).toBeGreaterThan(0)
  expect(leaves).toBe(rest.reduce((sum, size) => sum + size, 0))
})

test('records that contradict each other are told once, and the files are verified all the same', async () => {
  const [line] = new TestJournal('authz-1').appendAll(1)
  const tree = new GrowingTree()
  for (let i = 0; i < 300; i++) tree.append(Buffer.from(`${line?.hash} ${line?.json}`))
  const { bundles, head, tiles } = tree.take()
  const files = new Map<string, Uint8Array>()
  for (const { tile, bytes } of tiles) files.set(tilePath(tile), bytes)
  for (const { bundle, bytes } of bundles) files.set(bundlePath(bundle), bytes)
  const of = { name: '2026-01', origin: 'log/2026-01', vkey: '', path: '', first: 0 }
  const log = {
    shards: () => [{ ...of, ...head, state: 'open' as const }],
    tileFile: (_shard: string, file: string) => files.get(file),
  }
  const wrong: unknown[] = []
  let leaves = 0
  for await (const step of scrubRound(log, (error) => wrong.push(error))) leaves += step.leaves
  expect(wrong).toEqual([expect.objectContaining({ code: 'place_twice', from: 1, to: 1 })])
  expect(leaves).toBe(300)
})

/** Of the first shard, which has the files where a log without shards has them. */
function firstBundle(dir: string): string {
  return path.join(dir, 'log/tile/entries/000')
}
