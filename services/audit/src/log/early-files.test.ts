import { createSigner, KeyAlgorithm } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { CrashFs, MemoryLock } from '../../test/crash-fs.ts'
import type { LogFile } from './log-fs.ts'
import { TileLog } from './tile-log.ts'

const signer = createSigner('log.example/early', KeyAlgorithm.ed25519, new Uint8Array(32).fill(3))
const FULL = ['tile/0/000', 'tile/entries/000']

/** Remembers what was written. */
class WatchedFs extends CrashFs {
  readonly opened: string[] = []

  override open(file: string): LogFile {
    this.opened.push(file)
    return super.open(file)
  }
}

/** A file system on which what is written meanwhile fails, as long as it should. */
class FailingFs extends CrashFs {
  code: string | undefined

  override async writeMeanwhile(...given: Parameters<CrashFs['writeMeanwhile']>): Promise<boolean> {
    if (this.code === undefined) return await super.writeMeanwhile(...given)
    throw Object.assign(new Error('the disk says no'), { code: this.code })
  }
}

async function openLog(fs: CrashFs): Promise<TileLog> {
  return await TileLog.open({ fs, lock: new MemoryLock(fs), signer })
}

function commit(log: TileLog, count: number): void {
  for (let i = 0; i < count; i++) log.append(Buffer.from(`leaf ${log.size}-${i}`))
  log.commit()
}

const whatGoesOnMeanwhile = (): Promise<void> =>
  new Promise((resolve) => void setImmediate(resolve))

test('what is full is written before its checkpoint, which alone shows it', async () => {
  const fs = new WatchedFs()
  using log = await openLog(fs)
  commit(log, 300)
  const onDisk = (): boolean[] => FULL.map((file) => fs.read(`log/${file}`) !== undefined)
  expect(onDisk()).toEqual([false, false])
  await whatGoesOnMeanwhile()
  expect(onDisk()).toEqual([true, true])
  expect(FULL.map((file) => log.file(file))).toEqual([undefined, undefined])
  fs.opened.length = 0
  log.publish()
  expect(FULL.map((file) => log.file(file) !== undefined)).toEqual([true, true])
  const again = FULL.filter((file) => fs.opened.includes(`log/${file}.new`))
  expect(again).toEqual([])
  expect(fs.opened).toContain('log/tile/entries/001.p/44.new')
  expect((await log.verified()).head.size).toBe(300)
})

test('a checkpoint that comes first writes what is full, and nothing is written after it', async () => {
  const fs = new CrashFs()
  using log = await openLog(fs)
  commit(log, 3)
  log.publish()
  commit(log, 600)
  log.publish()
  const files = (): string[] => fs.list('log/tile/entries').sort()
  expect(files()).toEqual(['000', '001', '002.p'])
  await whatGoesOnMeanwhile()
  expect(files()).toEqual(['000', '001', '002.p'])
  expect((await log.verified()).head.size).toBe(603)
})

test('a full disk leaves it to the checkpoint, and any other fault ends the writing', async () => {
  const fs = new FailingFs()
  using log = await openLog(fs)
  fs.code = 'ENOSPC'
  commit(log, 300)
  await whatGoesOnMeanwhile()
  expect(log.publish()).toBe(true)
  expect(FULL.map((file) => log.file(file) !== undefined)).toEqual([true, true])
  fs.code = 'EIO'
  commit(log, 300)
  await whatGoesOnMeanwhile()
  expect(() => log.publish()).toThrow(expect.objectContaining({ code: 'log_failed' }))
  expect(log.failed).toBe(true)
})
