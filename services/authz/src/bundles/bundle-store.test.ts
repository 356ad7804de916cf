import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DRAFT } from '@verdict/journal'
import { digestOf, temporaryDirectory } from '@verdict/kit'
import { expect, onTestFinished, test } from 'vitest'
import { BundleStore } from './bundle-store.ts'

const ONE = Buffer.from('one')
const TWO = Buffer.from('two')

function scratch(): string {
  const folder = temporaryDirectory()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  return join(folder.path, 'bundles', 'shop')
}

test('what is kept is there for the next start, and nothing before it', async () => {
  const folder = scratch()
  const store = await BundleStore.open(folder)
  expect(await store.state()).toBeUndefined()
  const one = { digest: digestOf(ONE), serial: 1, version: 1, pointer: 'a.b.c' }
  expect(await store.keep(ONE, one)).toEqual(one)
  const two = { digest: digestOf(TWO), serial: 2, version: 2, etag: '"2"' }
  await store.keep(TWO, two)
  const next = await BundleStore.open(folder)
  expect(await next.state()).toEqual(two)
  expect(Buffer.from((await next.archive(two.digest)) ?? [])).toEqual(TWO)
  expect(await next.archive(one.digest)).toBeUndefined()
})

test('the highest serial is kept when an older bundle is in force', async () => {
  const store = await BundleStore.open(scratch())
  await store.keep(TWO, { digest: digestOf(TWO), serial: 9, version: 1 })
  await store.keep(ONE, { digest: digestOf(ONE), serial: 3, version: 2 })
  expect(await store.state()).toMatchObject({ digest: digestOf(ONE), serial: 9, version: 2 })
})

test('of processes that share a folder, the one that is behind does not step back', async () => {
  const folder = scratch()
  const [ahead, behind] = [await BundleStore.open(folder), await BundleStore.open(folder)]
  await ahead.keep(TWO, { digest: digestOf(TWO), serial: 2, version: 2 })
  expect(await behind.keep(ONE, { digest: digestOf(ONE), serial: 1, version: 1 })).toBeUndefined()
  expect(await behind.keep(ONE, { digest: digestOf(ONE), serial: 1 })).toBeUndefined()
  expect((await behind.state())?.digest).toBe(digestOf(TWO))
})

test('many that write at once leave the newest, whole', async () => {
  const folder = scratch()
  const stores = await Promise.all(Array.from({ length: 4 }, () => BundleStore.open(folder)))
  const archives = Array.from({ length: 12 }, (_, i) => Buffer.from(`archive ${i}`))
  // Of a process that died half-way.
  writeFileSync(join(folder, `${digestOf(ONE)}.tar.gz${DRAFT}`), 'half')
  await Promise.all(
    archives.map((archive, version) =>
      stores[version % stores.length]?.keep(archive, {
        digest: digestOf(archive),
        serial: version,
        version,
      }),
    ),
  )
  const state = await stores[0]?.state()
  expect(state).toMatchObject({ version: 11, serial: 11 })
  expect(Buffer.from((await stores[0]?.archive(state?.digest ?? '')) ?? []).toString()).toBe(
    'archive 11',
  )
  expect(readdirSync(folder).filter((name) => name.endsWith(DRAFT))).toEqual([])
})

test.each([
  ['a digit', (text: string) => text.replace('"serial":5', '"serial":0')],
  ['its end', (text: string) => text.slice(0, -20)],
  ['all of it', () => ''],
  ['its size', () => 'x'.repeat(100_000)],
])('a state that was changed in %s is no state, and says what to do', async (_what, damage) => {
  const folder = scratch()
  const store = await BundleStore.open(folder)
  await store.keep(ONE, { digest: digestOf(ONE), serial: 5 })
  const file = join(folder, 'state.json')
  writeFileSync(file, damage(readFileSync(file, 'utf8')))
  const refused = { code: 'bundle_state_damaged', message: expect.stringMatching(/restore it/) }
  await expect(store.state()).rejects.toMatchObject(refused)
  await expect(store.keep(TWO, { digest: digestOf(TWO), serial: 6 })).rejects.toMatchObject(refused)
})

test('an archive that is not whole on disk is written again', async () => {
  const folder = scratch()
  const store = await BundleStore.open(folder)
  const state = { digest: digestOf(ONE), serial: 1 }
  await store.keep(ONE, state)
  writeFileSync(join(folder, `${state.digest}.tar.gz`), 'eno')
  await store.keep(ONE, state)
  expect(Buffer.from((await store.archive(state.digest)) ?? [])).toEqual(ONE)
})
