import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deletePointer, putPointer, putPolicyData, readPointer } from '@verdict/bus'
import { bundlesOf, encodeEvent, newDecisionId } from '@verdict/contract'
import {
  bundleKey,
  digestOf,
  pointerTo,
  pushBundle,
  startBus,
  type TestBus,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import type { NatsConnection } from 'nats'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  BundlesUnderTest,
  bundleOf,
  forged,
  mallory,
  NATS,
  ops,
  SOON,
} from './bundles-under-test.ts'

/** Bundles, pointers and data over a real bus. */

vi.setConfig({ testTimeout: 90_000 })

const resources = new AsyncDisposableStack()
let bus: TestBus
let publisher: NatsConnection
let writer: NatsConnection
/** Each test has a bundle of its own. */
let version = 0

beforeAll(async () => {
  bus = resources.use(await startBus())
  publisher = await bus.connect('policy-publisher')
  writer = await bus.connect('policy-data')
})

afterAll(async () => {
  await resources.disposeAsync()
})

interface Pushed {
  readonly revision: number
  readonly rollback?: true
  readonly version?: number
  readonly signer?: typeof ops
  /** The name in the pointer. */
  readonly as?: string
}

async function push(name: string, archive: Uint8Array, pushed: Pushed): Promise<void> {
  const { revision, rollback, signer = ops, as = name } = pushed
  const about = {
    name: as,
    revision: String(revision),
    version: pushed.version ?? ++version,
    ...(rollback && { rollback }),
  }
  await pushBundle(publisher, { archive, name, jws: await pointerTo(archive, about, signer) })
}

async function putJws(name: string, jws: string): Promise<void> {
  await putPointer(publisher, name, { jws, replaces: await readPointer(publisher, name) })
}

async function following(name: string, more: { dataDir?: string } = {}): Promise<BundlesUnderTest> {
  return await BundlesUnderTest.open({
    bundles: { [name]: NATS },
    bus,
    entrypoint: `${name}/allow`,
    ...more,
  })
}

test('what is pushed becomes active, and what is refused changes nothing', async () => {
  await using it = await following('shop')
  expect(it.policies.health()).toMatchObject({ ok: false })
  expect(it.policies.active).toBeUndefined()
  await push('shop', await bundleOf('shop', 1), { revision: 1 })
  await it.says('shop 1')
  await push('shop', await bundleOf('shop', 2), { revision: 2 })
  await it.says('shop 2')
  expect(it.policies.health().ok).toBe(true)

  const three = await bundleOf('shop', 3)
  const impostor = bundleKey('ops', 'ES256')
  const attacks: readonly [code: string, () => Promise<void>][] = [
    [
      'bundle_unsigned',
      async () => push('shop', await bundleOf('shop', 3, { key: undefined }), { revision: 3 }),
    ],
    [
      'bundle_key_unknown',
      async () => push('shop', await bundleOf('shop', 3, { key: mallory }), { revision: 3 }),
    ],
    [
      'bundle_signature_invalid',
      async () => push('shop', await bundleOf('shop', 3, { key: impostor }), { revision: 3 }),
    ],
    ['bundle_tampered', () => push('shop', forged(three, 'shop 3', 'shop 9'), { revision: 3 })],
    ['bundle_malformed', () => push('shop', Buffer.from('no archive'), { revision: 3 })],
    ['bundle_older', async () => push('shop', await bundleOf('shop', 1), { revision: 1 })],
    ['pointer_older', () => push('shop', three, { revision: 3, version: 1 })],
    ['pointer_invalid', () => push('shop', three, { revision: 3, as: 'other' })],
    ['bundle_key_unknown', () => push('shop', three, { revision: 3, signer: mallory })],
    ['pointer_invalid', () => push('shop', three, { revision: 3, signer: impostor })],
    ['pointer_invalid', () => putJws('shop', 'no pointer')],
    ['pointer_invalid', () => push('shop', three, { revision: 4 })],
  ]
  for (const [nth, [code, attack]] of attacks.entries()) {
    const before = it.refused.length
    await attack()
    const what = `attack ${nth} to be refused`
    await waitFor(() => it.refused.length > before, { ...SOON, what })
    expect([nth, it.refused.slice(before)]).toEqual([nth, [`shop: ${code}`]])
    expect(it.reason()).toBe('shop 2')
    expect(bundlesOf({ facts: it.policies.facts() }).get('shop')).toMatchObject({
      active: { revision: '2', serial: 2 },
      refused: expect.stringContaining(code),
    })
  }
  await push('shop', three, { revision: 3 })
  await it.says('shop 3')
  expect(it.policies.health()).toEqual({ ok: true, detail: '`shop`: revision 3, serial 3' })
})

test('an older bundle is active again by a signed rollback, and no other way, also after a restart', async () => {
  const name = 'rolled'
  const [one, two] = [await bundleOf(name, 1), await bundleOf(name, 2)]
  const rule = `${name}/allow`
  await using scratch = temporaryDirectory()
  const dataDir = scratch.path
  {
    await using it = await following(name, { dataDir })
    await push(name, one, { revision: 1 })
    await it.says('rolled 1', rule)
    await push(name, two, { revision: 2 })
    await it.says('rolled 2', rule)
  }
  {
    await using it = await following(name, { dataDir })
    expect(it.reason(rule)).toBe('rolled 2')
    await push(name, one, { revision: 1 })
    await it.refuses('rolled: bundle_older')
    expect(it.reason(rule)).toBe('rolled 2')
    await push(name, one, { revision: 1, rollback: true })
    await it.says('rolled 1', rule)
  }
  await using it = await following(name, { dataDir })
  expect(it.reason(rule)).toBe('rolled 1')
  await push(name, await bundleOf(name, '1', { roots: [name, 'more'] }), { revision: 1 })
  await it.refuses('rolled: bundle_older')
})

test('data is in effect with its event, and in each bundle that comes later', async () => {
  const name = 'stock'
  const rule = `${name}/allow`
  await using it = await following(name)
  await putPolicyData(writer, [name, 'early'], '1')
  await push(name, await bundleOf(name, 1), { revision: 1 })
  await it.says('stock 1', rule)
  const data = () => it.policies.active?.owners?.get(rule)?.data?.revision
  const early = data()
  expect(early).toBeGreaterThan(0)
  const { revision } = await putPolicyData(writer, [name, 'reason'], '"by data"')
  await it.says('by data', rule)
  expect(data()).toBe(revision)
  await push(name, await bundleOf(name, 2), { revision: 2 })
  await it.tells('serial 2')
  expect([it.reason(rule), data()]).toEqual(['by data', revision])
  await putPolicyData(writer, [name, 'reason'], undefined)
  await it.says('stock 2', rule)

  await putPolicyData(writer, ['nobody', 'x'], '1')
  await it.tells('data outside of all roots: 1')
  await putPolicyData(writer, [name, 'reason', 'x'], '1')
  await it.tells('data outside of all roots: 1')
  await putPolicyData(writer, ['nobody', 'x'], undefined)
  await putPolicyData(writer, [name, 'last'], '1')
  const last = (): boolean => it.data.includes(`applied ${name}/last`)
  await waitFor(last, { ...SOON, what: 'the last change' })
  expect(it.policies.health().detail).not.toContain('outside')
  expect(it.reason(rule)).toBe('stock 2')
  expect(it.data).toContain('unowned 1')
  expect(it.data).toContain(`data_refused ${name}/reason/x`)
})

test('bundles with the same data exclude each other, until one gives it up', async () => {
  await using it = await BundlesUnderTest.open({
    bundles: { left: NATS, right: NATS },
    bus,
    entrypoint: 'left/allow',
  })
  await push('left', await bundleOf('left', 1, { roots: ['left', 'right'] }), { revision: 1 })
  await it.says('left 1', 'left/allow')
  await push('right', await bundleOf('right', 1), { revision: 1 })
  await it.refuses('right: bundle_roots_overlap')
  expect(it.reason('right/allow')).toBeUndefined()
  expect(it.policies.health()).toMatchObject({ ok: false })
  await push('left', await bundleOf('left', 2), { revision: 2 })
  await it.says('right 1', 'right/allow')
  expect([it.reason('left/allow'), it.policies.health().ok]).toEqual(['left 2', true])
})

test('without a bus the last good bundle decides, and none that was changed on disk', async () => {
  const name = 'kept'
  const rule = `${name}/allow`
  const archive = await bundleOf(name, 1)
  await using first = await following(name)
  const { dataDir } = first
  await push(name, archive, { revision: 1 })
  await first.says('kept 1', rule)
  const start = async (): Promise<BundlesUnderTest> =>
    await BundlesUnderTest.open({ bundles: { [name]: NATS }, entrypoint: rule, dataDir })
  {
    await using it = await start()
    expect(it.reason(rule)).toBe('kept 1')
    // What the data is now, only the bus knows.
    expect(it.policies.health()).toMatchObject({ ok: false, detail: /data of the bus/ })
  }
  const file = `${dataDir}/bundles/${name}/${digestOf(archive)}.tar.gz`
  writeFileSync(file, forged(readFileSync(file), 'kept 1', 'kept 9'))
  {
    await using it = await start()
    expect(it.refused).toEqual(['kept: bundle_digest_mismatch'])
    expect(it.reason(rule)).toBeUndefined()
  }
  {
    // The bus has it still.
    await using it = await following(name, { dataDir })
    await it.says('kept 1', rule)
  }
  writeFileSync(`${dataDir}/bundles/${name}/state.json`, '{}')
  await expect(start()).rejects.toMatchObject({ code: 'bundle_state_damaged' })
})

test('processes that share a disk follow the same bundles', async () => {
  const name = 'joint'
  await using one = await following(name)
  await using two = await following(name, { dataDir: one.dataDir })
  for (const revision of [1, 2, 3]) {
    await push(name, await bundleOf(name, revision), { revision })
    await one.says(`joint ${revision}`, 'joint/allow')
    await two.says(`joint ${revision}`, 'joint/allow')
  }
  expect([...one.refused, ...two.refused]).toEqual([])
})

test('what is in force goes on record with the pointer that approved it, and each new one', async () => {
  const name = 'approved'
  await using it = await following(name)
  const archive = await bundleOf(name, 1)
  const pointers: string[] = []
  for (let nth = 1; nth <= 2; nth += 1) {
    const jws = await pointerTo(archive, { name, revision: '1', version: ++version }, ops)
    pointers.push(jws)
    await pushBundle(publisher, { archive, name, jws })
    const what = `pointer ${nth} on record`
    await waitFor(() => it.activations.length === nth, { ...SOON, what })
  }
  const about = { bundle: name, digest: digestOf(archive), revision: '1', serial: 1 }
  const event = { id: newDecisionId(), time: new Date().toISOString() }
  const position = { instance: 'authz-1', epoch: 1, n: 1 }
  const written = it.activations.map((activation) => {
    return JSON.parse(encodeEvent(event, { activation }, position)) as unknown
  })
  expect(written).toEqual(
    pointers.map((pointer) => ({
      ...event,
      ...position,
      activation: { ...about, pointer },
      v: 1,
    })),
  )
  expect(it.reason(`${name}/allow`)).toBe('approved 1')
})

test('a pointer that is taken away leaves what is active, and says so', async () => {
  const name = 'gone'
  await using it = await following(name)
  await push(name, await bundleOf(name, 1), { revision: 1 })
  await it.says('gone 1', 'gone/allow')
  const inForce = await readPointer(publisher, name)
  if (inForce === undefined) throw new Error('there is no pointer')
  await deletePointer(publisher, name, inForce)
  await it.refuses('gone: bundle_withdrawn')
  expect(it.reason('gone/allow')).toBe('gone 1')
})

test('data of a store that is another takes the place of what was in effect', async () => {
  await using other = await startBus()
  await using it = await BundlesUnderTest.open({ bundles: { shop: NATS }, bus: other })
  const archive = await bundleOf('shop', 1)
  const jws = await pointerTo(archive, { name: 'shop', revision: '1', version: 1 }, ops)
  await pushBundle(await other.connect('policy-publisher'), { archive, name: 'shop', jws })
  await putPolicyData(await other.connect('policy-data'), ['shop', 'reason'], '"before"')
  await it.says('before')
  await other.kill()
  rmSync(join(other.directory, 'nats'), { recursive: true })
  await other.up()
  await other.provision()
  await it.says('shop 1')
  // Its pointer is gone with the store, and what is active stays.
  await it.tells('bundle_withdrawn')
  await putPolicyData(await other.connect('policy-data'), ['shop', 'reason'], '"after"')
  await it.says('after')
})
