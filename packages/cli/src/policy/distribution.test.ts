import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import {
  listBundles,
  listPointers,
  putPointer,
  readBundle,
  readPointer,
  startHeartbeats,
} from '@verdict/bus'
import { type BundleFact, bundleFacts } from '@verdict/contract'
import { startBus, type TestBus, temporaryDirectory } from '@verdict/kit'
import type { BundlePointer } from '@verdict/policy'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CaptureOptions, type Ran, verdict } from '../../test/captured.ts'
import { pointerClaims } from './pointer-claims.ts'

const TIMEOUT = { timeout: 60_000 }
const BUILD = { timeout: 120_000 }
const REGO = 'package shop\n\ndefault allow := false\n\nallow if input.ok\n'
const SINCE = '2026-01-02T03:04:05.006Z'
const folder = temporaryDirectory()
const at = (name: string): string => path.join(folder.path, name)

interface Shown {
  readonly digest: string
  readonly size: number
}

/** A bundle with a serial, signed by `ops`. */
async function built(serial: number): Promise<Shown> {
  const args = ['--policies', at('shop'), '--entrypoint', 'shop/allow', '--root', 'shop', '--json']
  const out = ['--sign', at('ops.pem'), '--serial', String(serial), '--output', at(`${serial}.gz`)]
  const ran = await verdict(['policy', 'build', ...args, ...out], { env: process.env })
  expect(ran).toMatchObject({ code: 0, err: '' })
  const { digest, size } = JSON.parse(ran.out)
  return { digest, size }
}

const bundles = new Map<number, Shown>()
const digestOf = (serial: number): string => bundles.get(serial)?.digest ?? ''

beforeAll(async () => {
  await mkdir(at('shop'))
  await writeFile(at('shop/shop.rego'), REGO)
  for (const id of ['ops', 'mallory']) await verdict(['policy', 'keygen', at(`${id}.pem`)])
  for (const serial of [1, 2]) bundles.set(serial, await built(serial))
}, BUILD.timeout)

afterAll(async () => {
  await folder[Symbol.asyncDispose]()
})

async function policy(bus: TestBus, args: string[], options?: CaptureOptions): Promise<Ran> {
  return await verdict(['policy', ...args, '--nats', bus.url, '--nkeys', bus.keysDir], options)
}

async function push(bus: TestBus, serial: number, ...more: string[]): Promise<Ran> {
  const args = ['push', at(`${serial}.gz`), '--name', 'shop', '--sign', at('ops.pem')]
  return await policy(bus, [...args, ...more])
}

async function inForce(bus: TestBus): Promise<BundlePointer | undefined> {
  const stored = await readPointer(await bus.connect('operator'), 'shop')
  return stored && pointerClaims(stored.jws)
}

/** A decision point, as far as the fleet sees it. */
async function beating(bus: TestBus, instance: string, facts: () => Record<string, string>) {
  const nc = await bus.connect('authz-serve')
  return startHeartbeats(nc, { service: 'authz', instance, ready: () => true, facts })
}

function runs(serial: number, more: Omit<BundleFact, 'active'> = {}): Record<string, string> {
  const active = { revision: `r${serial}`, serial, digest: digestOf(serial), since: SINCE }
  return bundleFacts('shop', { active, ...more })
}

test('a bundle that is pushed is stored and in force', TIMEOUT, async () => {
  await using bus = await startBus()
  const before = Date.now()
  expect(await push(bus, 1)).toMatchObject({ code: 0, err: '' })
  const first = await inForce(bus)
  expect(first).toMatchObject({ name: 'shop', serial: 1, ...bundles.get(1) })
  expect(first?.version).toBeGreaterThanOrEqual(before)
  expect(first).not.toHaveProperty('rollback')
  const reader = await bus.connect('authz-serve')
  const read = await readBundle(reader, digestOf(1), { timeoutMs: 5_000, bytesMax: 1_000_000 })
  expect(read).toHaveLength(first?.size ?? -1)

  expect((await push(bus, 2)).code).toBe(0)
  const second = await inForce(bus)
  expect(second).toMatchObject({ serial: 2, digest: digestOf(2) })
  expect(second?.version).toBeGreaterThan(first?.version ?? 0)
})

test('an older bundle needs a rollback, which is signed', TIMEOUT, async () => {
  await using bus = await startBus()
  await push(bus, 2)
  const before = await inForce(bus)
  expect(await push(bus, 1)).toMatchObject({
    code: 1,
    err: expect.stringContaining('serial 1, and serial 2 was in force'),
  })
  expect(await inForce(bus)).toEqual(before)
  expect((await push(bus, 1, '--rollback')).code).toBe(0)
  const after = await inForce(bus)
  expect(after).toMatchObject({ serial: 1, rollback: true })
  expect(after?.version).toBeGreaterThan(before?.version ?? 0)
})

test('what the decision points would refuse is not put in force', TIMEOUT, async () => {
  await using bus = await startBus()
  // The bundle is signed by ops, and mallory alone is trusted here.
  const foreign = ['push', at('1.gz'), '--name', 'shop', '--sign', at('mallory.pem')]
  expect(await policy(bus, foreign)).toMatchObject({ code: 1, err: expect.stringMatching(/ops/) })
  const { out } = await verdict(['policy', 'keygen', at('other.pem')])
  await writeFile(at('trusted.json'), out)
  const untrusted = await push(bus, 1, '--keys', at('trusted.json'))
  expect(untrusted).toMatchObject({ code: 1, err: expect.stringMatching(/ops/) })
  await writeFile(at('torn.gz'), 'no archive')
  const torn = ['push', at('torn.gz'), '--name', 'shop', '--sign', at('ops.pem')]
  expect((await policy(bus, torn)).code).toBe(1)
  expect((await listPointers(await bus.connect('operator'))).size).toBe(0)
})

test('a pointer that nobody trusted has signed is replaced, and said', TIMEOUT, async () => {
  await using bus = await startBus()
  const forged = { jws: 'a.b.c', replaces: undefined }
  await putPointer(await bus.connect('policy-publisher'), 'shop', forged)
  const { code, err } = await push(bus, 1)
  expect(err).toContain('the pointer that was in force is not trusted here')
  expect(code).toBe(0)
  expect(await inForce(bus)).toMatchObject({ serial: 1 })
})

test('push waits until each decision point that follows the name runs it', TIMEOUT, async () => {
  await using bus = await startBus()
  let beats = 0
  const [one, two, other] = [
    await beating(bus, 'authz-1', () => runs(2)),
    // Four seconds later than the other, when everybody has been heard.
    await beating(bus, 'authz-2', () => runs(++beats < 3 ? 1 : 2)),
    await beating(bus, 'authz-3', () => ({ policy: 'a folder' })),
  ]
  const { code, out } = await push(bus, 2, '--wait', '30')
  expect(out).toContain('2 run it')
  expect(code).toBe(0)
  expect(beats).toBeGreaterThanOrEqual(3)
  await Promise.all([one.stop(), two.stop(), other.stop()])
})

test('push says which decision point does not run it in time, and why', TIMEOUT, async () => {
  await using bus = await startBus()
  expect(await push(bus, 1, '--wait', '4')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no decision point follows it'),
  })
  const one = await beating(bus, 'authz-1', () => runs(1, { refused: 'bundle_key_unknown: no' }))
  expect(await push(bus, 2, '--wait', '4')).toMatchObject({
    code: 1,
    err: expect.stringContaining('not run by authz-1 (bundle_key_unknown: no)'),
  })
  await one.stop()
})

test('status shows the fleet, and ends with 1 where one is behind', TIMEOUT, async () => {
  await using bus = await startBus()
  await push(bus, 2)
  const beats = [
    await beating(bus, 'authz-1', () => runs(2)),
    await beating(bus, 'authz-2', () => ({ policy: 'a folder' })),
    await beating(bus, 'authz-3', () => bundleFacts('web', runs1())),
  ]
  const well = await policy(bus, ['status'])
  expect(well.out).toMatch(new RegExp(`^shop +\\S+ +2 +${digestOf(2).slice(0, 12)} `, 'm'))
  expect(well.out).toMatch(
    new RegExp(`^authz-1 +shop +r2 +2 +${digestOf(2).slice(0, 12)} .*active$`, 'm'),
  )
  expect(well.out).toMatch(/^authz-2 +- .*folder$/m)
  expect(well.out).toMatch(/^authz-3 +web .*unpointed$/m)
  expect(well).toMatchObject({ code: 0, err: '' })

  beats.push(
    await beating(bus, 'authz-4', () => runs(1)),
    await beating(bus, 'authz-5', () => runs(1, { refused: 'bundle_tampered: no\u001b[2J' })),
    await beating(bus, 'authz-6', () => bundleFacts('shop', {})),
  )
  const ill = await policy(bus, ['status'])
  expect(ill.out).toMatch(/^authz-4 .*lags$/m)
  expect(ill.out).toMatch(/^authz-5 .*refused: bundle_tampered: no\\u\{1b\}\[2J$/m)
  expect(ill.out).toMatch(/^authz-6 +shop .*waiting$/m)
  expect(ill.out).toContain('3 as they should be, 3 behind')
  expect(ill.code).toBe(1)

  await Promise.all(beats.slice(3).map((beat) => beat.stop()))
  const json = await policy(bus, ['status', '--json'])
  const { inForce: pointers, fleet } = JSON.parse(json.out)
  expect(pointers).toMatchObject([{ name: 'shop', serial: 2 }])
  expect(fleet.map((row: { state: string }) => row.state)).toEqual([
    'active',
    'folder',
    'unpointed',
  ])
  expect(json.code).toBe(0)
  await Promise.all(beats.slice(0, 3).map((beat) => beat.stop()))
})

function runs1(): BundleFact {
  return { active: { revision: 'r', serial: 1, digest: digestOf(1), since: SINCE } }
}

test('status ends with 1 where a pointer can not be read', TIMEOUT, async () => {
  await using bus = await startBus()
  const publisher = await bus.connect('policy-publisher')
  await putPointer(publisher, 'shop', { jws: 'a.b.c', replaces: undefined })
  const { code, out } = await policy(bus, ['status'])
  expect(out).toMatch(/^shop +can not be read$/m)
  expect(code).toBe(1)
})

test('prune removes the oldest bundles that are not in force', TIMEOUT, async () => {
  await using bus = await startBus()
  await push(bus, 1)
  await push(bus, 2)
  const operator = await bus.connect('operator')
  const stored = async () => (await listBundles(operator)).map(({ digest }) => digest)
  expect((await policy(bus, ['prune'])).out).toMatch(/^0 removed, 0 bytes; 2 kept$/m)
  expect((await policy(bus, ['prune', '--keep', '0'])).out).toMatch(/^1 removed, .* 1 kept$/m)
  expect(await stored()).toEqual([digestOf(2)])
  expect((await push(bus, 1, '--rollback')).code).toBe(0)
  expect(await stored()).toEqual([digestOf(2), digestOf(1)])

  const publisher = await bus.connect('policy-publisher')
  await putPointer(publisher, 'torn', { jws: 'a.b.c', replaces: undefined })
  const { code, err } = await policy(bus, ['prune', '--keep', '0'])
  expect(err).toContain('nothing is removed')
  expect(code).toBe(1)
  expect(await stored()).toHaveLength(2)
})

test('data is put, read and deleted by its path', TIMEOUT, async () => {
  await using bus = await startBus()
  const data = (...args: string[]) => policy(bus, ['data', ...args])
  expect(await data('put', '/shop/a~1b', '[1, 12345678901234567890]')).toMatchObject({
    code: 0,
    out: 'revision 1\n',
  })
  expect((await data('get', 'shop/a~1b')).out).toBe('[1, 12345678901234567890]\n')
  const piped = ['data', 'put', '/shop/roles', '-']
  expect((await policy(bus, piped, { stdin: '{"a":1}\n' })).code).toBe(0)
  expect((await data('get', '/shop/roles')).out).toBe('{"a":1}\n')
  expect((await data('delete', '/shop/roles')).code).toBe(0)
  expect(await data('get', '/shop/roles')).toMatchObject({ code: 1, out: '' })
})

test.each([
  [['data', 'take', '/a'], /expected one of get, put, delete/],
  [['data', 'put', '/a'], /the value is needed/],
  [['data', 'put', '/a', 'text'], /no JSON: a text needs its quotes/],
  [['data', 'put', '/', '1'], /not one value/],
  [['data', 'get', '/a', '1'], /takes no value/],
  [['push', 'x.gz', '--sign', 'x.pem'], /`--name` is needed/],
])('%j is refused before anything is asked', async (args, says) => {
  const { code, err } = await verdict(['policy', ...args])
  expect(err).toMatch(says)
  expect(code).toBe(2)
})
