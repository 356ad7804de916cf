import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { CONSUMERS, DECISIONS, type Role, subjects } from '@verdict/contract'
import { freePort, natsServerBinary, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { connectBus } from './connect.ts'
import { consume } from './consume.ts'
import { createKeys, publicKeys, seedFile } from './keys.ts'
import { provision, verifyStream } from './provision.ts'
import { serverConfig } from './server-config.ts'
import { storeBatch } from './store-batch.ts'

const SERVERS = ['nats-1', 'nats-2', 'nats-3']
const BATCHES = 20

async function startCluster(directory: string, keysDir: string) {
  const binary = await natsServerBinary()
  const keys = await publicKeys(keysDir)
  const places: { serverName: string; port: number; route: number }[] = []
  for (const serverName of SERVERS) {
    places.push({ serverName, port: await freePort(), route: await freePort() })
  }
  const processes: ChildProcess[] = []
  for (const { serverName, port, route } of places) {
    const storeDir = path.join(directory, serverName)
    const file = `${storeDir}.conf`
    const routes = places.map((place) => `127.0.0.1:${place.route}`)
    const cluster = { name: 'test', serverName, port: route, routes, password: 'p@ss/word' }
    const text = serverConfig({ port, storeDir, keys, syncAlways: true, cluster })
    await writeFile(file, text, { mode: 0o600 })
    processes.push(spawn(binary, ['-c', file], { stdio: 'ignore' }))
  }
  const url = places.map(({ port }) => `nats://127.0.0.1:${port}`).join(',')
  return { processes, url }
}

test('three servers keep the stream when one is killed', { timeout: 120_000 }, async () => {
  await using directory = temporaryDirectory()
  const keysDir = path.join(directory.path, 'keys')
  await createKeys(keysDir)
  const { processes, url } = await startCluster(directory.path, keysDir)
  const join = (role: Role) =>
    connectBus({ url, role, seedFile: seedFile(keysDir, role), name: `test ${role}` })
  try {
    const provisioner = await join('provisioner')
    await provision(provisioner, { replicas: 3, maxBytes: 64 * 1024 * 1024 })
    await provisioner.close()

    const recorder = await join('authz-record')
    const reader = await join('audit')
    await verifyStream(reader)
    const stop = new AbortController()
    const read = new Set<string>()
    const reading = consume(reader, {
      stream: DECISIONS.name,
      durable: CONSUMERS.audit,
      handler: ({ data }) => Promise.resolve(void read.add(new TextDecoder().decode(data))),
      onError: () => {},
      signal: stop.signal,
    })
    for (let n = 1; n <= BATCHES; n++) {
      if (n === BATCHES / 2) processes[0]?.kill('SIGKILL')
      const batch = new TextEncoder().encode(`${n}\n`)
      const stored = () =>
        storeBatch(recorder, subjects.journal('authz-1'), batch, { timeoutMs: 2_000 })
      const deadline = { deadlineMs: 60_000, what: `batch ${n} to be stored` }
      await waitFor(() => stored().catch(() => undefined), deadline)
    }
    await waitFor(() => read.size === BATCHES, { deadlineMs: 60_000, what: 'all batches' })
    stop.abort()
    await reading.done
    await Promise.all([recorder.close(), reader.close()])
  } finally {
    for (const server of processes) {
      if (server.kill('SIGKILL')) await once(server, 'exit')
    }
  }
})

test('servers of a cluster share a password, whatever characters it has', async () => {
  await using directory = temporaryDirectory()
  await createKeys(directory.path)
  const keys = await publicKeys(directory.path)
  const cluster = { name: 'c', serverName: 's', port: 1, routes: ['other:6222'], password: 'x"y\n' }
  const text = serverConfig({ port: 2, storeDir: '/s', keys, syncAlways: true, cluster })
  const config = JSON.parse(text.replace(/^#.*\n/, ''))
  expect(config.cluster).toEqual({
    name: 'c',
    host: '127.0.0.1',
    port: 1,
    authorization: { user: 'route', password: 'x"y\n' },
    routes: ['nats-route://route:x%22y%0A@other:6222'],
  })
  expect(config).not.toHaveProperty('no_auth_user')
  expect(config).not.toHaveProperty('http_port')
  expect(config.host).toBe('127.0.0.1')
})
