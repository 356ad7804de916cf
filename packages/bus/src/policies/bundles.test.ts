import { createHash, randomBytes } from 'node:crypto'
import { BUNDLE_BYTES_MAX, POLICY_BUNDLES } from '@verdict/contract'
import { startBus, type TestBus } from '@verdict/kit'
import type { NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { askPolicies } from '../jetstream-api.ts'
import { putBundle, readBundle } from './bundles.ts'
import { put } from './put.ts'
import { listBundles, removeBundle } from './stored-bundles.ts'
import { lastMessage } from './stored-messages.ts'

const TIMEOUT = { timeout: 60_000 }
const READ = { timeoutMs: 20_000, bytesMax: BUNDLE_BYTES_MAX }
const MIB = 1024 ** 2

const digestOf = (archive: Uint8Array): string => createHash('sha256').update(archive).digest('hex')
const metaOf = (digest: string): string =>
  `$O.${POLICY_BUNDLES.bucket}.M.${Buffer.from(digest).toString('base64')}`

async function messages(nc: NatsConnection): Promise<number> {
  const question = `STREAM.INFO.${POLICY_BUNDLES.name}`
  return (await askPolicies<{ state: { messages: number } }>(nc, question)).state.messages
}

/** Changes what is said of an object, as only the publisher could. */
async function describe(bus: TestBus, digest: string, change: object): Promise<void> {
  const publisher = await bus.connect('policy-publisher')
  const meta = await lastMessage(publisher, POLICY_BUNDLES, metaOf(digest))
  const info = { ...JSON.parse(new TextDecoder().decode(meta?.data)), ...change }
  const data = new TextEncoder().encode(JSON.stringify(info))
  await put(publisher, { stream: POLICY_BUNDLES, subject: metaOf(digest), data })
}

test.each([0, 1, 128 * 1024, 128 * 1024 + 1, 5 * MIB + 7])(
  'an archive of %i bytes is read as it was put',
  TIMEOUT,
  async (size) => {
    await using bus = await startBus()
    const archive = randomBytes(size)
    const publisher = await bus.connect('policy-publisher')
    const progress: number[] = []
    await putBundle(publisher, archive, digestOf(archive), (bytes) => progress.push(bytes))
    expect(progress.at(-1)).toBe(size === 0 ? undefined : size)
    for (const role of ['authz-serve', 'operator', 'policy-publisher'] as const) {
      const read = await readBundle(await bus.connect(role), digestOf(archive), READ)
      expect(Buffer.compare(read, archive), role).toBe(0)
    }
  },
)

test('an archive that is put twice is stored once', TIMEOUT, async () => {
  await using bus = await startBus()
  const publisher = await bus.connect('policy-publisher')
  const archive = randomBytes(MIB)
  await putBundle(publisher, archive, digestOf(archive))
  const before = await messages(publisher)
  await putBundle(publisher, archive, digestOf(archive))
  expect(await messages(publisher)).toBe(before)
  const twins = [0, 1, 2].map(async () => {
    const other = randomBytes(0)
    await putBundle(publisher, other, digestOf(other))
  })
  await Promise.all(twins)
  expect(await messages(publisher)).toBe(before + 1)
})

test('what was begun at the same time leaves nothing behind', TIMEOUT, async () => {
  await using bus = await startBus()
  const publisher = await bus.connect('policy-publisher')
  const archive = randomBytes(MIB)
  await Promise.all([1, 2, 3].map(() => putBundle(publisher, archive, digestOf(archive))))
  // Eight chunks and what describes them.
  expect(await messages(publisher)).toBe(9)
  expect(await readBundle(publisher, digestOf(archive), READ)).toHaveLength(MIB)
})

test('an archive under another name is not stored', TIMEOUT, async () => {
  await using bus = await startBus()
  const publisher = await bus.connect('policy-publisher')
  const attempt = putBundle(publisher, randomBytes(10), digestOf(randomBytes(10)))
  await expect(attempt).rejects.toMatchObject({ code: 'bundle_corrupt' })
  expect(await messages(publisher)).toBe(0)
})

test('a bundle that is not there, or was removed, is missing', TIMEOUT, async () => {
  await using bus = await startBus()
  const reader = await bus.connect('authz-serve')
  const archive = randomBytes(10)
  const missing = { code: 'bundle_missing' }
  await expect(readBundle(reader, digestOf(archive), READ)).rejects.toMatchObject(missing)
  await putBundle(await bus.connect('policy-publisher'), archive, digestOf(archive))
  await describe(bus, digestOf(archive), { deleted: true })
  await expect(readBundle(reader, digestOf(archive), READ)).rejects.toMatchObject(missing)
})

test('a bundle is longer than its reader takes', TIMEOUT, async () => {
  await using bus = await startBus()
  const archive = randomBytes(MIB)
  await putBundle(await bus.connect('policy-publisher'), archive, digestOf(archive))
  const reader = await bus.connect('authz-serve')
  const reading = readBundle(reader, digestOf(archive), { ...READ, bytesMax: MIB - 1 })
  await expect(reading).rejects.toMatchObject({ code: 'too_large' })
  // Neither does it help to say that it is short.
  await describe(bus, digestOf(archive), { size: MIB - 1 })
  const lied = readBundle(reader, digestOf(archive), { ...READ, bytesMax: MIB - 1 })
  await expect(lied).rejects.toMatchObject({ code: 'bundle_corrupt' })
})

test.each([
  [{ size: 2 * MIB }, /only 1048576 of its 2097152 bytes/],
  [{ size: -1 }, /its description is none/],
  [{ size: 'x' }, /its description is none/],
  [{ nuid: '>' }, /its description is none/],
  [{ nuid: 'other' }, /only 0 of its/],
])('a description that is wrong is refused: %j', TIMEOUT, async (change, says) => {
  await using bus = await startBus()
  const archive = randomBytes(MIB)
  await putBundle(await bus.connect('policy-publisher'), archive, digestOf(archive))
  await describe(bus, digestOf(archive), change)
  const reading = readBundle(await bus.connect('authz-serve'), digestOf(archive), READ)
  await expect(reading).rejects.toMatchObject({
    code: 'bundle_corrupt',
    message: expect.stringMatching(says),
  })
})

test('other bytes under the name of a bundle are refused', TIMEOUT, async () => {
  await using bus = await startBus()
  const publisher = await bus.connect('policy-publisher')
  const [one, other] = [randomBytes(1000), randomBytes(1000)]
  await putBundle(publisher, one, digestOf(one))
  await putBundle(publisher, other, digestOf(other))
  const meta = await lastMessage(publisher, POLICY_BUNDLES, metaOf(digestOf(other)))
  const { nuid } = JSON.parse(new TextDecoder().decode(meta?.data))
  await describe(bus, digestOf(one), { nuid })
  await expect(readBundle(publisher, digestOf(one), READ)).rejects.toMatchObject({
    code: 'bundle_corrupt',
    message: expect.stringContaining(`its SHA-256 is ${digestOf(other)}`),
  })
})

test('bundles are listed in the order in which they came, and removed', TIMEOUT, async () => {
  await using bus = await startBus()
  const publisher = await bus.connect('policy-publisher')
  const archives = [3, 1, 2].map((size) => randomBytes(size * 100_000))
  for (const archive of archives) await putBundle(publisher, archive, digestOf(archive))
  const [first = Buffer.of(), ...others] = archives
  const shown = async () => (await listBundles(publisher)).map(({ digest, size }) => [digest, size])
  expect(await shown()).toEqual(archives.map((archive) => [digestOf(archive), archive.length]))
  await removeBundle(publisher, digestOf(first))
  await removeBundle(publisher, digestOf(first))
  expect(await shown()).toEqual(others.map((archive) => [digestOf(archive), archive.length]))
  // Of the first one, only that it was removed.
  expect(await messages(publisher)).toBe(1 + 1 + 1 + 2 + 1)
  await putBundle(publisher, first, digestOf(first))
  expect(await readBundle(publisher, digestOf(first), READ)).toHaveLength(first.length)
  expect((await shown()).at(-1)).toEqual([digestOf(first), first.length])
})

test('a store that is full refuses a bundle and keeps those that are there', TIMEOUT, async () => {
  await using bus = await startBus({ policyBytes: { [POLICY_BUNDLES.name]: 2 * MIB } })
  const publisher = await bus.connect('policy-publisher')
  const [first, second] = [randomBytes(MIB), randomBytes(2 * MIB)]
  await putBundle(publisher, first, digestOf(first))
  const before = await messages(publisher)
  await expect(putBundle(publisher, second, digestOf(second))).rejects.toMatchObject({
    code: 'store_full',
  })
  expect(await messages(publisher)).toBe(before)
  expect(await readBundle(publisher, digestOf(first), READ)).toHaveLength(MIB)
})
