import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Kvm } from '@nats-io/kv'
import { Objm } from '@nats-io/obj'
import { POLICY_BUNDLES, POLICY_DATA, POLICY_POINTERS, type Role } from '@verdict/contract'
import { freePort, natsServerBinary, temporaryDirectory } from '@verdict/kit'
import { connect, type NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { connectBus } from '../connect.ts'
import { createKeys, publicKeys, seedFile } from '../keys.ts'
import { provision } from '../provision.ts'
import { serverConfig } from '../server-config.ts'
import { putBundle, readBundle } from './bundles.ts'
import { putPolicyData, readPolicyData } from './data.ts'
import { listPointers, putPointer } from './pointers.ts'

const TIMEOUT = { timeout: 60_000 }
const CAPACITY = { replicas: 1, maxBytes: 64 * 1024 * 1024 }
const ADMIN = { user: 'admin', password: 'secret' }
const READ = { timeoutMs: 20_000, bytesMax: 1024 * 1024 }

interface Open {
  join(role: Role): Promise<NatsConnection>
  /** What other tools connect as: it may do everything in the account. */
  admin(): Promise<NatsConnection>
}

/** A server with our configuration, to which a user without limits is added in one account. */
async function withAdmin(
  account: 'POLICY' | 'POLICY_DATA',
  work: (open: Open) => Promise<void>,
): Promise<void> {
  await using directory = temporaryDirectory()
  await createKeys(directory.path)
  const port = await freePort()
  const keys = await publicKeys(directory.path)
  const text = serverConfig({ port, storeDir: directory.path, keys, syncAlways: true })
  const config = JSON.parse(text.replace(/^#.*\n/, ''))
  config.accounts[account].users.push(ADMIN)
  const file = path.join(directory.path, 'nats-server.conf')
  await writeFile(file, JSON.stringify(config))
  const server = spawn(await natsServerBinary(), ['-c', file], { stdio: 'ignore' })
  const connections: NatsConnection[] = []
  const kept = (nc: NatsConnection): NatsConnection => {
    connections.push(nc)
    return nc
  }
  const url = `nats://127.0.0.1:${port}`
  const join = async (role: Role): Promise<NatsConnection> =>
    kept(await connectBus({ url, role, seedFile: seedFile(directory.path, role), name: role }))
  const admin = async (): Promise<NatsConnection> =>
    kept(await connect({ servers: url, user: ADMIN.user, pass: ADMIN.password }))
  try {
    await provision(await join('provisioner'), CAPACITY)
    await work({ join, admin })
  } finally {
    await Promise.all(connections.map(async (nc) => await nc.close()))
    if (server.kill('SIGKILL')) await once(server, 'exit')
  }
}

test('the object store of NATS reads our bundles, and we read its own', TIMEOUT, async () => {
  await withAdmin('POLICY', async ({ join, admin }) => {
    const archive = randomBytes(300_000)
    const digest = createHash('sha256').update(archive).digest('hex')
    await putBundle(await join('policy-publisher'), archive, digest)
    const store = await new Objm(await admin()).open(POLICY_BUNDLES.bucket)
    expect(Buffer.compare((await store.getBlob(digest)) ?? Buffer.of(), archive)).toBe(0)
    expect((await store.list()).map(({ name, size }) => [name, size])).toEqual([[digest, 300_000]])

    const other = randomBytes(500_000)
    const name = createHash('sha256').update(other).digest('hex')
    await store.putBlob({ name }, other)
    const reader = await join('authz-serve')
    expect(Buffer.compare(await readBundle(reader, name, READ), other)).toBe(0)
    await store.delete(digest)
    await expect(readBundle(reader, digest, READ)).rejects.toMatchObject({ code: 'bundle_missing' })
  })
})

test('the KV store of NATS reads our pointers, and we read its own', TIMEOUT, async () => {
  await withAdmin('POLICY', async ({ join, admin }) => {
    const publisher = await join('policy-publisher')
    await putPointer(publisher, 'shop', { jws: 'a.b.c', replaces: undefined })
    const bucket = await new Kvm(await admin()).open(POLICY_POINTERS.bucket)
    expect((await bucket.get('shop'))?.string()).toBe('a.b.c')
    await bucket.put('platform', 'd.e.f')
    await bucket.delete('shop')
    expect(Object.fromEntries(await listPointers(publisher))).toEqual({ platform: 'd.e.f' })
  })
})

test('the KV store of NATS reads our data, and we read its own', TIMEOUT, async () => {
  await withAdmin('POLICY_DATA', async ({ join, admin }) => {
    const writer = await join('policy-data')
    await putPolicyData(writer, ['shop', 'a b'], '1')
    const bucket = await new Kvm(await admin()).open(POLICY_DATA.bucket)
    expect((await bucket.get('shop.a=20b'))?.string()).toBe('1')
    const { revision } = await putPolicyData(writer, ['shop', 'a b'], undefined)
    expect(await bucket.get('shop.a=20b')).toMatchObject({ operation: 'DEL', revision })
    await bucket.put('shop.a=20b', '[2]')
    const { value } = (await readPolicyData(writer, ['shop', 'a b'])) ?? {}
    expect(new TextDecoder().decode(value)).toBe('[2]')
    // What readers would not hear of is not possible.
    await expect(bucket.purge('shop.a=20b')).rejects.toThrow(/rollup not permitted/)
  })
})
