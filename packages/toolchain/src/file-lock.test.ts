import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockFile } from './file-lock.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'verdict-lock-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

test('a lock that is held is not given twice, and is given after its release', async () => {
  const file = path.join(folder, 'a.lock')
  const first = await lockFile(file, { timeoutMs: 0 })
  await expect(lockFile(file, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'lock_timeout' })
  const second = lockFile(file, { timeoutMs: 10_000, onWait: () => first.release() })
  ;(await second).release()
})

test('a lock goes with a process that is killed', async () => {
  const file = path.join(folder, 'b.lock')
  const module = new URL('file-lock.ts', import.meta.url).href
  const script = `
    const { lockFile } = await import(${JSON.stringify(module)})
    globalThis.lock = await lockFile(${JSON.stringify(file)}, { timeoutMs: 0 })
    process.stdout.write('locked')
    setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script])
  await once(holder.stdout, 'data')
  await expect(lockFile(file, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'lock_timeout' })
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  ;(await lockFile(file, { timeoutMs: 0 })).release()
})
