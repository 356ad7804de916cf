import { DatabaseSync } from 'node:sqlite'
import { TestJournal } from '@verdict/kit'
import { createSigner, KeyAlgorithm } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { Crash, CrashFs, MemoryLocks, randomOf } from '../test/crash-fs.ts'
import { inTransaction } from './database.ts'
import { catchUp } from './index/catch-up.ts'
import { LogIndex } from './index/log-index.ts'
import { decisionLeaf } from './log/leaf.ts'
import { monthOf } from './log/shard-name.ts'
import { Shards } from './log/shards.ts'
import { ShardTurns } from './shard-turns.ts'

const key = createSigner('log.example/crash', KeyAlgorithm.ed25519, new Uint8Array(32).fill(3))
const MONTHS = ['2026-11-15', '2026-12-15', '2027-02-15'].map((day) => Date.parse(day))
const lines = new TestJournal('pdp').appendAll(200)

/** A log with its index, as the store has them. */
class TestLog implements Disposable {
  readonly log: Shards
  readonly index: LogIndex
  readonly turns: ShardTurns
  readonly #db: DatabaseSync
  nowMs: number

  private constructor(log: Shards, db: DatabaseSync, index: LogIndex, nowMs: number) {
    this.log = log
    this.index = index
    this.nowMs = nowMs
    this.#db = db
    this.turns = new ShardTurns({
      ...{ log, index, plan: { monthly: true }, now: () => this.nowMs },
      commit: (work) => this.commit(work),
      publish: () => log.publish(),
      onBegun: () => undefined,
    })
  }

  static async open(fs: CrashFs, locks: MemoryLocks, nowMs: number): Promise<TestLog> {
    const log = await Shards.open({ fs, locks, key, firstName: monthOf(nowMs) })
    const db = new DatabaseSync(':memory:')
    const index = new LogIndex(db, log)
    await catchUp({ db, index, log, onProgress: () => undefined })
    const opened = new TestLog(log, db, index, nowMs)
    opened.turns.resume()
    log.publish()
    return opened
  }

  commit(work: () => void): void {
    inTransaction(this.#db, () => {
      work()
      this.index.flush()
      this.log.commit()
    })
  }

  /** Writes the lines that come next. */
  append(count: number): void {
    this.turns.turnWhenDue()
    this.commit(() => {
      const from = this.index.decisions
      for (const line of lines.slice(from, from + count)) {
        const leaf = decisionLeaf(line)
        this.index.takeDecision(line, this.log.append(leaf), leaf.length)
      }
    })
  }

  [Symbol.dispose](): void {
    this.log[Symbol.dispose]()
    this.#db.close()
  }
}

/** Writes in several months; tells how many lines were acknowledged. */
async function write(fs: CrashFs, locks: MemoryLocks, promised: { lines: number }): Promise<void> {
  using opened = await TestLog.open(fs, locks, MONTHS[0] ?? 0)
  promised.lines = opened.index.decisions
  for (const month of MONTHS) {
    opened.nowMs = month
    opened.append(3)
    promised.lines = opened.index.decisions
  }
}

async function expectKept(fs: CrashFs, locks: MemoryLocks, promised: number): Promise<void> {
  using opened = await TestLog.open(fs, locks, MONTHS.at(-1) ?? 0)
  expect(opened.index.decisions).toBeGreaterThanOrEqual(promised)
  opened.append(2)
  opened.log.publish()
  const { decisions } = opened.index
  expect(opened.log.covered).toBe(opened.log.size)
  const found = Array.from({ length: decisions }, (_, at) => opened.index.read(at + 1)?.json)
  expect(found).toEqual(lines.slice(0, decisions).map(({ json }) => json))
  const shards = opened.log.list()
  expect(shards.map(({ name }) => name)).toEqual(shards.map(({ name }) => name).toSorted())
  expect(shards.map(({ state }) => state).filter((state) => state === 'open')).toHaveLength(1)
  // Each shard names the one before it, once.
  const noted = opened.index.notes.of('shard').map(({ body }) => body['name'])
  expect(noted).toEqual(shards.map(({ name }) => name))
}

async function untilCrash(work: Promise<void>): Promise<boolean> {
  try {
    await work
    return false
  } catch (error) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      if (cause instanceof Crash) return true
    }
    throw error
  }
}

test('after a crash at any operation, in a change of shards too, all that was promised is there', {
  timeout: 120_000,
}, async () => {
  const whole = new CrashFs()
  await write(whole, new MemoryLocks(whole), { lines: 0 })
  expect(whole.operations).toBeGreaterThan(100)
  for (let crashAt = 1; crashAt <= whole.operations; crashAt++) {
    const fs = new CrashFs()
    fs.crashAt = crashAt
    const locks = new MemoryLocks(fs)
    const promised = { lines: 0 }
    expect(await untilCrash(write(fs, locks, promised))).toBe(true)
    const after = crashAt % 3 === 0 ? fs.processDied() : fs.powerLost(crashAt)
    await expectKept(after, locks.after(after), promised.lines)
  }
})

test('a log that crashes again and again while it changes shards goes on', {
  timeout: 120_000,
}, async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomOf(seed)
    let fs = new CrashFs()
    let locks = new MemoryLocks(fs)
    const promised = { lines: 0 }
    for (let round = 0; round < 8; round++) {
      fs.crashAt = 1 + Math.floor(random() * 60)
      await untilCrash(write(fs, locks, promised))
      fs = random() < 0.5 ? fs.processDied() : fs.powerLost(seed * 1_000 + round)
      locks = locks.after(fs)
    }
    await expectKept(fs, locks, promised.lines)
  }
})
