import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { takeDataDir } from './preparation.ts'
import { endOrphans, type RunFile, readRunFile, removeRunFile, writeRunFile } from './run-file.ts'

const RUN: RunFile = {
  pid: process.pid,
  startedAt: '2026-01-31T12:00:00.000Z',
  demo: false,
  ports: { nats: 4222 },
  natsUrl: 'nats://127.0.0.1:4222',
  auditUrl: 'http://127.0.0.1:8183',
  processes: [],
}

function orphan(pid: number, commandPart: string): RunFile {
  const process = { name: 'nats-server', pid, ports: [4222], commandPart, endsWithParent: false }
  return { ...RUN, processes: [process] }
}

test('what runs is written, read and removed', async () => {
  await using folder = temporaryDirectory()
  expect(await readRunFile(folder.path)).toBeUndefined()
  await writeRunFile(folder.path, RUN)
  expect(await readRunFile(folder.path)).toEqual(RUN)
  await removeRunFile(folder.path)
  expect(await readRunFile(folder.path)).toBeUndefined()
})

test('a process that a killed run left behind is ended', async () => {
  const script = 'setInterval(() => {}, 1000)'
  const child = spawn(process.execPath, ['-e', script, 'left-behind.conf'])
  await once(child, 'spawn')
  const exited = once(child, 'exit')
  const told: string[] = []
  await endOrphans(orphan(child.pid ?? 0, 'left-behind.conf'), ({ name }) => told.push(name))
  expect(await exited).toEqual([null, 'SIGTERM'])
  expect(told).toEqual(['nats-server'])
})

test('another process of the same pid is left alone', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  const told: string[] = []
  await endOrphans(orphan(child.pid ?? 0, 'left-behind.conf'), ({ name }) => told.push(name))
  expect(told).toEqual([])
  expect(child.exitCode ?? child.signalCode).toBeNull()
  child.kill('SIGKILL')
})

test('a data folder is for one `verdict dev` at a time, and the other one is named', async () => {
  await using folder = temporaryDirectory()
  const first = await takeDataDir(folder.path)
  await writeRunFile(folder.path, RUN)
  await expect(takeDataDir(folder.path)).rejects.toMatchObject({
    code: 'already_running',
    message: expect.stringContaining(`is in use by \`verdict dev\` with pid ${process.pid}`),
  })
  first.release()
  ;(await takeDataDir(folder.path)).release()
})
