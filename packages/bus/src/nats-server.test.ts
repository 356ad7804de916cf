import { execFileSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { freePort, isFree, startBus, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { createKeys } from './keys.ts'
import { startNatsServer } from './nats-server.ts'

const TIMEOUT = { timeout: 60_000 }

test('a server that is stopped is gone, and its port is free', TIMEOUT, async () => {
  await using bus = await startBus()
  const { pid, exited } = bus.server
  await bus.server.stop()
  await exited
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  expect(await isFree(bus.port)).toBe(true)
})

test('a signal to our process group does not reach the server', TIMEOUT, async () => {
  await using bus = await startBus()
  const group = execFileSync('ps', ['-o', 'pgid=', '-p', String(bus.server.pid)], {
    encoding: 'utf8',
  })
  expect(Number(group)).toBe(bus.server.pid)
})

test('its configuration is for the owner alone, and its log is handed on', TIMEOUT, async () => {
  await using dir = temporaryDirectory()
  await createKeys(path.join(dir.path, 'keys'))
  await using bus = await startBus()
  const lines: string[] = []
  await bus.server.stop()
  const server = await startNatsServer({
    binary: bus.binary,
    dir: dir.path,
    port: await freePort(),
    keysDir: path.join(dir.path, 'keys'),
    onLog: (line) => lines.push(line),
  })
  try {
    expect((await stat(path.join(dir.path, 'nats-server.conf'))).mode & 0o777).toBe(0o600)
    await waitFor(() => lines.some((line) => line.includes('Server is ready')), {
      deadlineMs: 5_000,
      what: 'the line that says it is ready',
    })
  } finally {
    await server.stop()
  }
})

test('a port in use is an error that names the port and the setting', TIMEOUT, async () => {
  await using bus = await startBus()
  await using dir = temporaryDirectory()
  const start = startNatsServer({
    binary: bus.binary,
    dir: dir.path,
    port: bus.port,
    keysDir: bus.keysDir,
  })
  await expect(start).rejects.toMatchObject({
    code: 'port_in_use',
    message: expect.stringMatching(new RegExp(`${bus.port}.*--port-base`)),
  })
})

test('a store that another server uses is refused, on any port', TIMEOUT, async () => {
  await using bus = await startBus()
  const start = startNatsServer({
    binary: bus.binary,
    dir: path.join(bus.directory, 'nats'),
    port: await freePort(),
    keysDir: bus.keysDir,
  })
  await expect(start).rejects.toMatchObject({
    code: 'store_in_use',
    message: expect.stringContaining(`pid ${bus.server.pid}`),
  })
})

test(
  'a program that ends before it is ready is an error with its last words',
  TIMEOUT,
  async () => {
    await using dir = temporaryDirectory()
    await createKeys(dir.path)
    const place = { dir: dir.path, port: await freePort(), keysDir: dir.path }
    await expect(startNatsServer({ ...place, binary: process.execPath })).rejects.toMatchObject({
      code: 'server_failed',
      message: expect.stringMatching(/ended before it was ready:\n/),
    })
    await expect(startNatsServer({ ...place, binary: '/nowhere' })).rejects.toMatchObject({
      code: 'server_failed',
      message: expect.stringContaining('ENOENT'),
    })
  },
)
