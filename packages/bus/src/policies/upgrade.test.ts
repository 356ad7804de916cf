import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DECISIONS, type Role, subjects } from '@verdict/contract'
import { freePort, natsServerBinary, temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { connectBus } from '../connect.ts'
import { askJetStream } from '../jetstream-api.ts'
import { createKeys, publicKeys, seedFile } from '../keys.ts'
import { startNatsServer } from '../nats-server.ts'
import { provision } from '../provision.ts'
import { serverConfig } from '../server-config.ts'
import { storeBatch } from '../store-batch.ts'
import { decisionsStream } from '../stream-declaration.ts'
import { putPolicyData, readPolicyData } from './data.ts'

const CAPACITY = { replicas: 1, maxBytes: 64 * 1024 * 1024 }
const NEW: readonly Role[] = ['policy-publisher', 'policy-data']

/** The configuration of a server from before there were bundles. */
async function oldConfig(dir: string, port: number): Promise<string> {
  const keys = await publicKeys(dir)
  const text = serverConfig({ port, storeDir: path.join(dir, 'nats'), keys, syncAlways: true })
  const config = JSON.parse(text.replace(/^#.*\n/, ''))
  const { RECORD, CLUSTER } = config.accounts
  RECORD.imports = undefined
  for (const each of RECORD.exports) each.accounts = ['CLUSTER']
  CLUSTER.exports = undefined
  CLUSTER.imports = CLUSTER.imports.filter(
    ({ service }: { service?: { account: string } }) => service?.account === 'RECORD',
  )
  return JSON.stringify({ ...config, accounts: { RECORD, CLUSTER } })
}

test('a store and keys from before get what bundles need', { timeout: 60_000 }, async () => {
  await using directory = temporaryDirectory()
  const [dir, port] = [directory.path, await freePort()]
  const url = `nats://127.0.0.1:${port}`
  const join = (role: Role) =>
    connectBus({ url, role, seedFile: seedFile(dir, role), name: `test ${role}` })
  await createKeys(dir)
  await writeFile(path.join(dir, 'old.conf'), await oldConfig(dir, port))
  for (const role of NEW) await rm(seedFile(dir, role))
  const binary = await natsServerBinary()
  const old = spawn(binary, ['-c', path.join(dir, 'old.conf')], { stdio: 'ignore' })
  const before = await join('provisioner')
  await askJetStream(before, `STREAM.CREATE.${DECISIONS.name}`, decisionsStream(CAPACITY))
  const recorder = await join('authz-record')
  const batch = new TextEncoder().encode('true\n')
  await storeBatch(recorder, subjects.journal('authz-1'), batch, { timeoutMs: 5_000 })
  await Promise.all([before.close(), recorder.close()])
  old.kill('SIGTERM')
  await once(old, 'exit')

  const seed = await readFile(seedFile(dir, 'authz-serve'), 'utf8')
  await createKeys(dir)
  expect(await readFile(seedFile(dir, 'authz-serve'), 'utf8')).toBe(seed)
  const nats = path.join(dir, 'nats')
  const server = await startNatsServer({ binary, dir: nats, port, keysDir: dir })
  const [provisioner, writer, reader] = [
    await join('provisioner'),
    await join('policy-data'),
    await join('authz-serve'),
  ]
  try {
    await provision(provisioner, CAPACITY)
    const info = await provisioner.request(`$JS.API.STREAM.INFO.${DECISIONS.name}`)
    expect(info.json()).toMatchObject({ state: { messages: 1 } })
    await putPolicyData(writer, ['a'], '1')
    expect((await readPolicyData(reader, ['a']))?.revision).toBe(1)
  } finally {
    await Promise.all([provisioner, writer, reader].map((nc) => nc.close()))
    await server.stop()
  }
})
