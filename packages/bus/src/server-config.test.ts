import { CONSUMERS, DECISIONS, subjects } from '@verdict/contract'
import { NatsCluster, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { consume } from './consume.ts'
import { createKeys, publicKeys } from './keys.ts'
import { provision, verifyStream } from './provision.ts'
import { serverConfig } from './server-config.ts'
import { storeBatch } from './store-batch.ts'

const BATCHES = 20

test('three servers keep the stream when one is killed', { timeout: 120_000 }, async () => {
  await using cluster = await NatsCluster.start()
  const capacity = { replicas: 3, maxBytes: 64 * 1024 * 1024 }
  await provision(await cluster.connect('provisioner'), capacity)
  const recorder = await cluster.connect('authz-record')
  const reader = await cluster.connect('audit')
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
    if (n === BATCHES / 2) cluster.kill(0)
    const batch = new TextEncoder().encode(`${n}\n`)
    const stored = () =>
      storeBatch(recorder, subjects.journal('authz-1'), batch, { timeoutMs: 2_000 })
    const deadline = { deadlineMs: 60_000, what: `batch ${n} to be stored` }
    await waitFor(() => stored().catch(() => undefined), deadline)
  }
  await waitFor(() => read.size === BATCHES, { deadlineMs: 60_000, what: 'all batches' })
  stop.abort()
  await reading.done
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
