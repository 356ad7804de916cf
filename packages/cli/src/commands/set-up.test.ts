import { execFile } from 'node:child_process'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { createKeys, seedFile, verifyStream } from '@verdict/bus'
import { ROLES } from '@verdict/contract'
import { startBus, temporaryDirectory } from '@verdict/kit'
import { locate } from '@verdict/toolchain'
import { expect, test } from 'vitest'
import { verdict } from '../../test/captured.ts'

/** Throws where nats-server does not take the configuration. */
async function validated(file: string): Promise<void> {
  await promisify(execFile)((await locate('nats-server')) ?? '', ['-t', '-c', file])
}

test('keys makes one key for each role, which only its owner can read, and keeps it', async () => {
  await using folder = temporaryDirectory()
  const keys = path.join(folder.path, 'keys')
  await verdict(['keys', keys])
  const seeds = async () =>
    await Promise.all(ROLES.map(async (role) => await readFile(seedFile(keys, role), 'utf8')))
  for (const role of ROLES) expect((await stat(seedFile(keys, role))).mode & 0o777).toBe(0o600)
  const before = await seeds()
  await verdict(['keys', keys])
  expect(await seeds()).toEqual(before)
})

test('keys prints a configuration that nats-server takes', async () => {
  await using folder = temporaryDirectory()
  const { out } = await verdict(['keys', path.join(folder.path, 'keys')])
  const file = path.join(folder.path, 'nats-server.conf')
  await writeFile(file, out)
  await validated(file)
})

test('keys writes one configuration for each server of a cluster, with one password', async () => {
  await using folder = temporaryDirectory()
  const config = path.join(folder.path, 'config')
  const servers = ['nats-1', 'nats-2', 'nats-3']
  const run = async (): Promise<string[]> => {
    const names = ['--servers', servers.join(','), '--store-dir', folder.path]
    const args = [path.join(folder.path, 'keys'), '--server-config', config, ...names]
    expect((await verdict(['keys', ...args])).code).toBe(0)
    const files = servers.map((name) => path.join(config, `${name}.conf`))
    for (const file of files) await validated(file)
    return await Promise.all(files.map(async (file) => await readFile(file, 'utf8')))
  }
  const first = await run()
  expect(new Set(first).size).toBe(3)
  const passwords = first.map((text) => /"password": "([^"]+)"/.exec(text)?.[1])
  expect(new Set(passwords).size).toBe(1)
  for (const name of servers) expect(first[0]).toContain(`@${name}:6222`)
  expect(await run()).toEqual(first)
  expect(await readdir(config)).toContain('cluster.password')
})

test('provision declares the stream, and does so again without a change', async () => {
  await using bus = await startBus({ provisioned: false })
  const args = ['provision', '--nats', bus.url, '--keys', bus.keysDir, '--max-bytes', '67108864']
  expect(await verdict(args)).toMatchObject({ code: 0, err: '' })
  expect((await verdict(args)).code).toBe(0)
  await verifyStream(await bus.connect('operator'))
})

test('provision refuses a stream that is not as declared', async () => {
  await using bus = await startBus()
  const args = ['provision', '--nats', bus.url, '--keys', bus.keysDir, '--max-bytes', '99999999']
  expect(await verdict(args)).toMatchObject({
    code: 1,
    err: expect.stringContaining('max_bytes is 67108864, not 99999999'),
  })
})

test('doctor finds nothing wrong before the first start', async () => {
  await using folder = temporaryDirectory()
  // Below the ports that systems hand out, so that nobody happens to be there.
  const base = String(10_000 + Math.floor(Math.random() * 9_000))
  const { PATH, VERDICT_OPA_BIN, VERDICT_NATS_SERVER_BIN } = process.env
  const env = { PATH, VERDICT_OPA_BIN, VERDICT_NATS_SERVER_BIN }
  const args = ['doctor', '--data-dir', folder.path, '--port-base', base]
  const { code, out } = await verdict(args, { env })
  expect(out).toMatch(/^ok {2}cluster +not running/m)
  expect(out).not.toContain('!!')
  expect(code).toBe(0)
})

test('doctor says what to do where a key is open, a setting wrong or a port taken', async () => {
  await using bus = await startBus()
  await using folder = temporaryDirectory()
  const keys = path.join(folder.path, 'keys')
  await createKeys(keys)
  await chmod(seedFile(keys, 'audit'), 0o644)
  // The sixth port from the base is that of nats-server.
  const args = ['doctor', '--data-dir', folder.path, '--port-base', String(bus.port - 5), '--json']
  const env = { ...process.env, VERDICT_OPA_BIN: '/nowhere/opa' }
  const { code, out } = await verdict(args, { env })
  const findings: { subject: string; fix?: string }[] = JSON.parse(out)
  const fix = (subject: string) => findings.find((each) => each.subject === subject)?.fix
  expect(fix('keys')).toBe(`chmod 600 ${seedFile(keys, 'audit')}`)
  expect(fix('opa')).toContain('`VERDICT_OPA_BIN` names `/nowhere/opa`')
  expect(fix('ports')).toContain(`${bus.port} (nats-server)`)
  expect(fix('node')).toBeUndefined()
  expect(code).toBe(1)
})
