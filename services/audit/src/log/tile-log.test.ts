import {
  createSigner,
  KeyAlgorithm,
  leafHash,
  parseTrustPolicy,
  verifyTlogProof,
} from '@verdict/tlog'
import { expect, test } from 'vitest'
import { CrashFs, MemoryLock } from '../../test/crash-fs.ts'
import type { LogFile, LogFs } from './log-fs.ts'
import { TileLog } from './tile-log.ts'

const signer = createSigner('log.example/tiles', KeyAlgorithm.ed25519, new Uint8Array(32).fill(7))
const leaf = (index: number): Uint8Array => Buffer.from(`leaf ${index}`)

function append(log: TileLog, count: number): void {
  for (let i = 0; i < count; i++) log.append(leaf(log.size + i))
  log.commit()
}

/** A log of a size with a checkpoint of all of it, closed. */
async function written(...sizes: readonly number[]): Promise<{ fs: CrashFs; lock: MemoryLock }> {
  const fs = new CrashFs()
  const lock = new MemoryLock(fs)
  using log = await TileLog.open({ fs, lock, signer })
  for (const size of sizes) {
    append(log, size - log.size)
    log.publish()
  }
  return { fs, lock }
}

async function refusal(fs: LogFs, lock: MemoryLock, by = signer): Promise<unknown> {
  return await TileLog.open({ fs, lock, signer: by }).then(
    () => undefined,
    (error: unknown) => error,
  )
}

function flip(fs: CrashFs, file: string, at: number): void {
  const bytes = Uint8Array.from(fs.read(file) ?? [])
  bytes[at] = (bytes[at] ?? 0) ^ 1
  fs.open(file).write(bytes, 0)
}

test('a receipt of each leaf verifies by itself, and holds the leaf', async () => {
  const { fs, lock } = await written(3, 255, 256, 300)
  using log = await TileLog.open({ fs, lock, signer })
  const policy = parseTrustPolicy(`log ${log.verifierKey}\nquorum none\n`)
  for (const index of [0, 2, 254, 255, 256, 299]) {
    const receipt = await log.receipt(index)
    const { checkpoint, extra } = verifyTlogProof(receipt, leafHash(leaf(index)), policy)
    expect(checkpoint).toMatchObject({ origin: 'log.example/tiles', size: 300 })
    expect(Buffer.from(extra ?? [])).toEqual(leaf(index))
    expect(() => verifyTlogProof(receipt, leafHash(leaf(index + 1)), policy)).toThrow(
      expect.objectContaining({ code: 'proof_invalid' }),
    )
  }
})

test('partial tiles go when the full one is there, and are served from it', async () => {
  const { fs, lock } = await written(200, 256)
  using log = await TileLog.open({ fs, lock, signer })
  expect(fs.list('log/tile/0')).toEqual(['000'])
  expect(fs.list('log/tile/entries')).toEqual(['000'])
  expect(log.file('tile/0/000.p/200')).toEqual(log.file('tile/0/000')?.subarray(0, 200 * 32))
  const bundle = log.file('tile/entries/000.p/3')
  expect(Buffer.from(bundle ?? []).toString()).toBe('\0\u0006leaf 0\0\u0006leaf 1\0\u0006leaf 2')
})

test('what no checkpoint covers is not served', async () => {
  const { fs, lock } = await written(300)
  using log = await TileLog.open({ fs, lock, signer })
  append(log, 300)
  for (const path of [
    'tile/0/001.p/45',
    'tile/0/001',
    'tile/1/000.p/2',
    'tile/0/x',
    'checkpoint',
  ]) {
    expect(log.file(path), path).toBeUndefined()
  }
  for (const path of ['tile/0/000', 'tile/0/001.p/44', 'tile/1/000.p/1', 'tile/entries/001.p/44']) {
    expect(log.file(path), path).toBeDefined()
  }
  expect(log.leaf(599)).toEqual(leaf(599))
  log.publish()
  expect(log.file('tile/0/001')).toBeDefined()
})

test('leaves that have become many are in a checkpoint without a wait', async () => {
  const fs = new CrashFs()
  const lock = new MemoryLock(fs)
  using log = await TileLog.open({ fs, lock, signer, unpublishedBytesMax: 30 })
  append(log, 5)
  expect(log.published.size).toBe(0)
  append(log, 1)
  expect([log.size, log.published.size]).toEqual([6, 6])
})

test('a log without its lock record is refused', async () => {
  const { fs } = await written(5)
  expect(await refusal(fs, new MemoryLock(fs))).toMatchObject({
    code: 'lock_record_missing',
    message: expect.stringContaining('restore `lock.db`'),
  })
})

test('a log that is older than its lock record is refused as a restored backup', async () => {
  const { fs, lock } = await written(5)
  const backup = fs.processDied()
  {
    using log = await TileLog.open({ fs, lock, signer })
    append(log, 4)
    log.publish()
  }
  const older = { code: 'log_older', message: expect.stringContaining('restored backup') }
  expect(await refusal(backup, lock)).toMatchObject(older)
  expect(await refusal(new CrashFs(), lock)).toMatchObject(older)
})

test('a lock record of a backup is refused', async () => {
  const { fs, lock } = await written(5)
  const { note } = lock
  {
    using log = await TileLog.open({ fs, lock, signer })
    append(log, 4)
    log.publish()
  }
  lock.note = note
  expect(await refusal(fs, lock)).toMatchObject({ code: 'lock_record_older' })
})

test.each([
  ['a hash at the right end', 'log/tile/0/001.p/44', 3],
  ['a hash above', 'log/tile/1/000.p/1', 3],
  ['an entry at the right end', 'log/tile/entries/001.p/44', 9],
  ['the checkpoint', 'log/checkpoint', 19],
  ['what is staged', 'staged/300.entries', 44],
])('a log in which %s is changed is refused as damaged', async (_what, file, at) => {
  const { fs, lock } = await written(300)
  {
    using log = await TileLog.open({ fs, lock, signer })
    append(log, 2)
    append(log, 2)
  }
  flip(fs, file, at)
  expect(await refusal(fs, lock)).toMatchObject({ code: 'log_damaged' })
})

test('a log in which an old entry is changed says so when it is read', async () => {
  const { fs, lock } = await written(600)
  flip(fs, 'log/tile/entries/000', 4)
  using log = await TileLog.open({ fs, lock, signer })
  expect(() => log.leaf(0)).toThrow(expect.objectContaining({ code: 'log_damaged' }))
  await expect(log.leaves(0).next()).rejects.toMatchObject({ code: 'tile_invalid' })
  expect(Buffer.from(log.leaf(599) ?? [])).toEqual(leaf(599))
})

test('a log is nothing without the key that has signed it', async () => {
  const { fs, lock } = await written(5)
  const other = createSigner('log.example/tiles', KeyAlgorithm.ed25519, new Uint8Array(32))
  expect(await refusal(fs, lock, other)).toMatchObject({ code: 'log_damaged' })
})

test('of two writers the second to sign is told, and has shown nothing', async () => {
  const { fs, lock } = await written(5)
  using first = await TileLog.open({ fs, lock, signer })
  using second = await TileLog.open({ fs, lock, signer })
  append(first, 1)
  first.publish()
  const shown = fs.read('log/checkpoint')
  second.append(Buffer.from('another leaf'))
  second.commit()
  expect(() => second.publish()).toThrow(expect.objectContaining({ code: 'lock_lost' }))
  expect(second.failed).toBe(true)
  second.append(Buffer.from('one more'))
  expect(() => second.commit()).toThrow(expect.objectContaining({ code: 'lock_lost' }))
  expect(fs.read('log/checkpoint')).toEqual(shown)
})

/** A file system whose writes fail for a while, with an error of the system. */
class FailingFs extends CrashFs {
  failure: { code: string; of: 'write' | 'sync' } | undefined

  override open(file: string): LogFile {
    const opened = super.open(file)
    const failing = (of: 'write' | 'sync', work: () => void): void => {
      if (this.failure?.of === of) throw errorOf(this.failure.code)
      work()
    }
    return {
      ...opened,
      write: (bytes, at) => {
        // A disk becomes full in the middle of a write.
        if (this.failure?.of === 'write') opened.write(bytes.subarray(0, 50), at)
        failing('write', () => opened.write(bytes, at))
      },
      sync: () => failing('sync', () => opened.sync()),
    }
  }
}

test('a full disk refuses, and when there is room again all goes on', async () => {
  const fs = new FailingFs()
  const lock = new MemoryLock(fs)
  {
    using log = await TileLog.open({ fs, lock, signer })
    append(log, 2)
    fs.failure = { code: 'ENOSPC', of: 'write' }
    log.append(leaf(2))
    expect(() => log.commit()).toThrow(expect.objectContaining({ code: 'store_failed' }))
    log.rollBack()
    expect([log.size, log.failed]).toEqual([2, false])
    fs.failure = undefined
    append(log, 3)
  }
  using log = await TileLog.open({ fs, lock, signer })
  expect(log.size).toBe(5)
  expect(log.leaf(4)).toEqual(leaf(4))
})

test('after a sync that failed nothing is written until a restart has read what is there', async () => {
  const fs = new FailingFs()
  const lock = new MemoryLock(fs)
  {
    using log = await TileLog.open({ fs, lock, signer })
    append(log, 2)
    fs.failure = { code: 'EIO', of: 'sync' }
    log.append(leaf(2))
    expect(() => log.commit()).toThrow(expect.objectContaining({ code: 'log_failed' }))
    log.rollBack()
    fs.failure = undefined
    for (const work of [() => append(log, 1), () => log.publish()]) {
      expect(work).toThrow(expect.objectContaining({ code: 'log_failed' }))
    }
  }
  using log = await TileLog.open({ fs, lock, signer })
  expect(log.size).toBeGreaterThanOrEqual(2)
})

function errorOf(code: string): Error {
  return Object.assign(new Error(code), { code })
}

test('a file that can not be read is not called damaged', async () => {
  const { fs, lock } = await written(3)
  const failure = new Error('EIO: i/o error, open')
  fs.read = (file) => {
    if (file.includes('/tile/')) throw failure
    return CrashFs.prototype.read.call(fs, file)
  }
  expect(await refusal(fs, lock)).toBe(failure)
})
