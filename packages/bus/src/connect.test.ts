import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { freePort, startBus, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { connectBus, SERVER_VERSION_MIN } from './connect.ts'
import { busHealth } from './connection-state.ts'
import { createKeys, seedFile } from './keys.ts'

const TIMEOUT = { timeout: 60_000 }

test('where no server listens the first connection fails in time', TIMEOUT, async () => {
  await using dir = temporaryDirectory()
  await createKeys(dir.path)
  const url = `nats://127.0.0.1:${await freePort()}`
  const connection = connectBus({
    url,
    role: 'audit',
    seedFile: seedFile(dir.path, 'audit'),
    name: 'test',
    connectTimeoutMs: 600,
  })
  await expect(connection).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining(url),
  })
})

test('a first connection that nobody wants any more is given up at once', TIMEOUT, async () => {
  await using dir = temporaryDirectory()
  await createKeys(dir.path)
  const stopping = new AbortController()
  const connection = connectBus({
    url: `nats://127.0.0.1:${await freePort()}`,
    role: 'audit',
    seedFile: seedFile(dir.path, 'audit'),
    name: 'test',
    connectTimeoutMs: 600_000,
    signal: stopping.signal,
  })
  stopping.abort()
  await expect(connection).rejects.toMatchObject({ code: 'unreachable' })
})

test('a server that comes up later is found', TIMEOUT, async () => {
  await using bus = await startBus()
  await bus.kill()
  const connection = bus.connect('audit')
  await bus.up()
  expect((await connection).info?.jetstream).toBe(true)
})

test('the key of another cluster is refused at once, with what to do', TIMEOUT, async () => {
  await using bus = await startBus()
  await using dir = temporaryDirectory()
  await createKeys(dir.path)
  const connection = connectBus({
    url: bus.url,
    role: 'audit',
    seedFile: seedFile(dir.path, 'audit'),
    name: 'test',
  })
  await expect(connection).rejects.toMatchObject({
    code: 'unauthorized',
    message: expect.stringContaining('keys directory'),
  })
})

test('a server older than the supported one is refused', TIMEOUT, async () => {
  await using dir = temporaryDirectory()
  await createKeys(dir.path)
  // No old server is at hand: these are the words of one.
  const old = createServer((socket) => {
    const info = { server_id: 'N', version: '2.15.1', max_payload: 1024, headers: true, nonce: 'n' }
    socket.write(`INFO ${JSON.stringify(info)}\r\n`)
    socket.on('data', (data) => {
      if (data.includes('PING')) socket.write('PONG\r\n')
    })
    socket.on('error', () => socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(old, 'listening')
  try {
    const connection = connectBus({
      url: `nats://127.0.0.1:${(old.address() as AddressInfo).port}`,
      role: 'audit',
      seedFile: seedFile(dir.path, 'audit'),
      name: 'test',
    })
    await expect(connection).rejects.toMatchObject({
      code: 'server_too_old',
      message: expect.stringContaining(`2.15.1: use ${SERVER_VERSION_MIN} or newer`),
    })
  } finally {
    old.close()
  }
})

test('health tells when the connection goes and when it is back', TIMEOUT, async () => {
  await using bus = await startBus()
  const health = busHealth(await bus.connect('audit'))
  expect(health()).toMatchObject({ ok: true, detail: expect.stringContaining('connected') })
  await bus.kill()
  await waitFor(() => !health().ok, { deadlineMs: 10_000, what: 'the loss to show' })
  expect(health().detail).toContain('no connection')
  await bus.up()
  await waitFor(() => health().ok, { deadlineMs: 10_000, what: 'the connection to be back' })
})

test('what the server refuses without an answer is told', TIMEOUT, async () => {
  await using bus = await startBus()
  const told: string[] = []
  const nc = await connectBus({
    url: bus.url,
    role: 'subscriber',
    seedFile: seedFile(bus.keysDir, 'subscriber'),
    name: 'test',
    onError: (error) => told.push(`${error.code}: ${error.message}`),
  })
  try {
    nc.publish('verdict.heartbeat.authz.forged', '{}')
    await waitFor(() => told.length > 0, { deadlineMs: 5_000, what: 'the refusal' })
    expect(told[0]).toMatch(/^forbidden: .*verdict\.heartbeat\.authz\.forged/)
  } finally {
    await nc.close()
  }
})
