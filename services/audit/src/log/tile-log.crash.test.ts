import { createSigner, KeyAlgorithm } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { Crash, CrashFs, MemoryLock, randomOf } from '../../test/crash-fs.ts'
import { TileLog } from './tile-log.ts'

const signer = createSigner('log.example/crash', KeyAlgorithm.ed25519, new Uint8Array(32).fill(3))
/** Groups of leaves around the widths of tiles and bundles; after each of the first a checkpoint. */
const GROUPS = [3, 1, 250, 2, 5, 260, 1]
/** Turns for what goes on meanwhile. */
const TURNS = [0, 12, 3, 1]
const SEEDS = 24
const LEAF_CHARS = 40

function leaf(index: number): Uint8Array {
  return Buffer.from(`leaf ${index}`.padEnd(LEAF_CHARS, '.'))
}

/** What was promised of a log while it was written. */
class Promised {
  /** Leaves that were acknowledged. */
  size = 0
  /** Leaves of a checkpoint that was given out. */
  published = 0
}

/** Appends groups from where a log is, and notes what it promises. */
async function write(fs: CrashFs, lock: MemoryLock, promised: Promised): Promise<void> {
  using log = await TileLog.open({ fs, lock, signer })
  log.publish()
  promised.size = log.size
  promised.published = log.published.size
  for (const [at, count] of GROUPS.entries()) {
    for (let i = 0; i < count; i++) log.append(leaf(log.size + i))
    log.commit()
    promised.size = log.size
    // What is full is written meanwhile: to its end, to its middle, or not at all.
    for (let turn = 0; turn < (TURNS[at % TURNS.length] ?? 0); turn++) await Promise.resolve()
    // Every other group waits for the next one.
    if (at % 2 === 0) log.publish()
    promised.published = log.published.size
  }
}

/** Everything that was promised is there, in its order, and nothing else. */
async function expectKept(fs: CrashFs, lock: MemoryLock, promised: Promised): Promise<number> {
  using log = await TileLog.open({ fs, lock, signer })
  expect(log.size).toBeGreaterThanOrEqual(promised.size)
  expect(log.published.size).toBeGreaterThanOrEqual(promised.published)
  // A log that goes on: what it says next covers all that it has.
  log.publish()
  expect(log.published.size).toBe(log.size)
  let next = 0
  for await (const leaves of log.leaves(0)) {
    for (const { index, leaf: found } of leaves) {
      expect(index).toBe(next)
      expect(Buffer.from(found)).toEqual(leaf(index))
      next++
    }
  }
  expect(next).toBe(log.size)
  return next
}

async function untilCrash(work: Promise<void>): Promise<boolean> {
  try {
    await work
    return false
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    if (cause instanceof Crash) return true
    throw error
  }
}

async function operationsOfOneRun(): Promise<number> {
  const fs = new CrashFs()
  await write(fs, new MemoryLock(fs), new Promised())
  return fs.operations
}

test('after a crash at any operation the log has all that it acknowledged, by many seeds', {
  timeout: 120_000,
}, async () => {
  const total = await operationsOfOneRun()
  expect(total).toBeGreaterThan(100)
  let runs = 0
  for (let crashAt = 1; crashAt <= total; crashAt++) {
    const fs = new CrashFs()
    fs.crashAt = crashAt
    const lock = new MemoryLock(fs)
    const promised = new Promised()
    expect(await untilCrash(write(fs, lock, promised))).toBe(true)
    // Each point with one seed, and some with all of them.
    const seeds = crashAt % 7 === 0 ? SEEDS : 2
    for (let seed = 0; seed < seeds; seed++) {
      const after = seed === 0 ? fs.processDied() : fs.powerLost(crashAt * SEEDS + seed)
      const afterLock = new MemoryLock(after)
      afterLock.note = lock.note
      await expectKept(after, afterLock, promised)
      runs++
    }
  }
  expect(runs).toBeGreaterThan(total * 2)
})

test('a log that crashes again and again, in its recovery too, loses nothing that was acknowledged', {
  timeout: 120_000,
}, async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = randomOf(seed)
    let fs = new CrashFs()
    const lock = new MemoryLock(fs)
    const promised = new Promised()
    for (let round = 0; round < 12; round++) {
      fs.crashAt = 1 + Math.floor(random() * 50)
      await untilCrash(write(fs, lock, promised))
      fs = random() < 0.5 ? fs.processDied() : fs.powerLost(seed * 1_000 + round)
      lock.fs = fs
    }
    await expectKept(fs, lock, promised)
  }
})
