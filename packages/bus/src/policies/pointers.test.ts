import { rm } from 'node:fs/promises'
import path from 'node:path'
import { startBus, type TestBus, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import {
  deletePointer,
  followPointers,
  listPointers,
  putPointer,
  readPointer,
  type StoredPointer,
} from './pointers.ts'

const TIMEOUT = { timeout: 60_000 }
const SOON = { deadlineMs: 20_000 }

async function set(bus: TestBus, name: string, jws: string): Promise<void> {
  const publisher = await bus.connect('policy-publisher')
  await putPointer(publisher, name, { jws, replaces: await readPointer(publisher, name) })
}

async function unset(bus: TestBus, name: string): Promise<void> {
  const publisher = await bus.connect('policy-publisher')
  await deletePointer(publisher, name, (await readPointer(publisher, name)) as StoredPointer)
}

test('a pointer is read by name, listed, replaced and deleted', TIMEOUT, async () => {
  await using bus = await startBus()
  const reader = await bus.connect('operator')
  expect(await readPointer(reader, 'shop')).toBeUndefined()
  await set(bus, 'shop', 'one')
  await set(bus, 'a.b *>', 'other')
  await set(bus, 'shop', 'two')
  expect(await readPointer(reader, 'shop')).toEqual({ jws: 'two', revision: 3 })
  expect(Object.fromEntries(await listPointers(reader))).toEqual({ shop: 'two', 'a.b *>': 'other' })
  await unset(bus, 'shop')
  expect(await readPointer(reader, 'shop')).toBeUndefined()
  expect([...(await listPointers(reader)).keys()]).toEqual(['a.b *>'])
  await set(bus, 'shop', 'three')
  expect((await readPointer(reader, 'shop'))?.jws).toBe('three')
})

test('a pointer is not put in place of one that was not read', TIMEOUT, async () => {
  await using bus = await startBus()
  const publisher = await bus.connect('policy-publisher')
  const conflict = { code: 'store_conflict' }
  await set(bus, 'shop', 'one')
  const read = await readPointer(publisher, 'shop')
  const unread = putPointer(publisher, 'shop', { jws: 'two', replaces: undefined })
  await expect(unread).rejects.toMatchObject(conflict)
  await set(bus, 'shop', 'two')
  const late = putPointer(publisher, 'shop', { jws: 'three', replaces: read })
  await expect(late).rejects.toMatchObject(conflict)
  const replaces = await readPointer(publisher, 'shop')
  const race = ['x', 'y', 'z'].map((jws) => putPointer(publisher, 'shop', { jws, replaces }))
  const won = (await Promise.allSettled(race)).filter(({ status }) => status === 'fulfilled')
  expect(won).toHaveLength(1)
})

test('a follower is told each pointer, also over restarts and a new store', TIMEOUT, async () => {
  await using bus = await startBus()
  await set(bus, 'shop', 'one')
  await set(bus, 'gone', 'one')
  const stop = new AbortController()
  const told: [name: string, jws: string | undefined][] = []
  const following = followPointers(await bus.connect('authz-serve'), {
    onPointer: (name, jws) => told.push([name, jws]),
    onError: () => {},
    signal: stop.signal,
  })
  await following.ready
  expect(told).toEqual([
    ['shop', 'one'],
    ['gone', 'one'],
  ])
  const next = async (): Promise<unknown> => {
    await waitFor(() => told.length > 0, { ...SOON, what: 'a pointer' })
    return told.shift()
  }
  told.length = 0
  await set(bus, 'shop', 'two')
  expect(await next()).toEqual(['shop', 'two'])
  await unset(bus, 'shop')
  expect(await next()).toEqual(['shop', undefined])

  await bus.kill()
  await bus.up()
  await set(bus, 'shop', 'three')
  expect(await next()).toEqual(['shop', 'three'])

  await bus.kill()
  await rm(path.join(bus.directory, 'nats'), { recursive: true })
  await bus.up()
  await bus.provision()
  await set(bus, 'shop', 'four')
  const after = new Map<string, string | undefined>()
  await waitFor(
    async () => {
      for (const [name, jws] of told.splice(0)) after.set(name, jws)
      return after.get('shop') === 'four' && after.has('gone')
    },
    { ...SOON, what: 'the pointers of the new store' },
  )
  expect(Object.fromEntries(after)).toEqual({ shop: 'four', gone: undefined })
  stop.abort()
  await following.done
})
