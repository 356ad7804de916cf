import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate as nextTick } from 'node:timers/promises'
import { POLICY_DATA, policyKey } from '@verdict/contract'
import { startBus, type TestBus, waitFor } from '@verdict/kit'
import type { NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import {
  type DataChange,
  followPolicyData,
  POLICY_DATA_VALUE_BYTES_MAX,
  putPolicyData,
  readPolicyData,
} from './data.ts'
import { put } from './put.ts'

const TIMEOUT = { timeout: 120_000 }
const SOON = { deadlineMs: 30_000 }

/** What a reader knows, and all that it was told. */
class Reader {
  readonly known = new Map<string, string>()
  readonly told: DataChange[] = []
  readonly errors: unknown[] = []
  resets = 0
  current = -1
  readonly #stop = new AbortController()
  readonly following

  constructor(nc: NatsConnection) {
    this.following = followPolicyData(nc, {
      onData: (change) => {
        this.told.push(change)
        const path = change.path.join('/')
        if (change.json) this.known.set(path, new TextDecoder().decode(change.json))
        else this.known.delete(path)
      },
      onReset: () => {
        this.resets += 1
        this.known.clear()
      },
      onCurrent: (revision) => {
        this.current = revision
      },
      onError: (error) => this.errors.push(error),
      signal: this.#stop.signal,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.following.done
  }
}

async function followed(bus: TestBus): Promise<Reader> {
  const reader = new Reader(await bus.connect('authz-serve'))
  await reader.following.ready
  return reader
}

test('what is put is told, replaced and deleted, in order', TIMEOUT, async () => {
  await using bus = await startBus()
  const writer = await bus.connect('policy-data')
  await putPolicyData(writer, ['shop', 'roles'], '["a"]')
  await using reader = await followed(bus)
  expect(Object.fromEntries(reader.known)).toEqual({ 'shop/roles': '["a"]' })
  expect(reader.resets).toBe(1)

  await putPolicyData(writer, ['shop', 'roles'], '["b"]')
  const { revision } = await putPolicyData(writer, ['shop', 'über.*', ''], '1')
  await waitFor(() => reader.current === revision, { ...SOON, what: 'the second value' })
  expect(Object.fromEntries(reader.known)).toEqual({ 'shop/roles': '["b"]', 'shop/über.*/': '1' })

  const gone = await putPolicyData(writer, ['shop', 'roles'], undefined)
  await waitFor(() => reader.current === gone.revision, { ...SOON, what: 'the deletion' })
  expect(Object.fromEntries(reader.known)).toEqual({ 'shop/über.*/': '1' })
  const revisions = reader.told.map((change) => change.revision)
  expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
  expect(reader.errors).toEqual([])
})

test('each change is told one news later', TIMEOUT, async () => {
  await using bus = await startBus()
  const writer = await bus.connect('policy-data')
  await using reader = await followed(bus)
  // Were it only looked for every five seconds, this would outlast the test.
  for (let n = 0; n < 40; n++) {
    const { revision } = await putPolicyData(writer, ['n'], String(n))
    await waitFor(() => reader.current === revision, { ...SOON, what: `change ${n}` })
    expect(reader.known.get('n')).toBe(String(n))
  }
})

test(
  'thousands of keys are loaded, with deletions, and values up to the limit',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    const writer = await bus.connect('policy-data')
    const expected: Record<string, string> = {}
    const puts: Promise<unknown>[] = []
    for (let n = 0; n < 6000; n++) {
      const [subject, data] = [
        `$KV.${POLICY_DATA.bucket}.${policyKey(['u', `${n}`])}`,
        `{"n":${n}}`,
      ]
      puts.push(put(writer, { stream: POLICY_DATA, subject, data: new TextEncoder().encode(data) }))
      if (n % 7 !== 0) expected[`u/${n}`] = data
    }
    await Promise.all(puts)
    for (let n = 0; n < 6000; n += 7) puts.push(putPolicyData(writer, ['u', `${n}`], undefined))
    const large = JSON.stringify('x'.repeat(POLICY_DATA_VALUE_BYTES_MAX - 2))
    for (const name of ['a', 'b', 'c']) puts.push(putPolicyData(writer, ['large', name], large))
    await Promise.all(puts)
    for (const name of ['a', 'b', 'c']) expected[`large/${name}`] = large
    await using reader = await followed(bus)
    expect(reader.known.size).toBe(Object.keys(expected).length)
    expect(Object.fromEntries(reader.known)).toEqual(expected)
    expect(reader.errors).toEqual([])
    const { value } = (await readPolicyData(writer, ['large', 'c'])) ?? {}
    expect(new TextDecoder().decode(value)).toBe(large)
  },
)

test('a reader survives that the server is killed, and misses nothing', TIMEOUT, async () => {
  await using bus = await startBus()
  await putPolicyData(await bus.connect('policy-data'), ['a'], '1')
  await putPolicyData(await bus.connect('policy-data'), ['b'], '1')
  await using reader = await followed(bus)
  for (let n = 0; n < 3; n++) {
    await bus.kill()
    await waitFor(() => reader.errors.length > n, { ...SOON, what: 'the loss to be said' })
    await bus.up()
    // At once, while the reader is perhaps not back yet.
    const writer = await bus.connect('policy-data')
    await putPolicyData(writer, ['a'], undefined)
    await putPolicyData(writer, ['c', `${n}`], String(n))
    const { revision } = await putPolicyData(writer, ['b'], String(n))
    await waitFor(() => reader.current === revision, { ...SOON, what: 'the changes' })
    expect(reader.known.get('b')).toBe(String(n))
    expect(reader.known.has('a')).toBe(false)
    expect(reader.known.size).toBe(2 + n)
    await putPolicyData(writer, ['a'], 'true')
  }
  expect(reader.resets).toBe(1)
})

test('changes while everything restarts are told in order', TIMEOUT, async () => {
  await using bus = await startBus()
  const writer = await bus.connect('policy-data')
  await using reader = await followed(bus)
  const stop = new AbortController()
  let last = 0
  const writing = (async () => {
    for (let n = 1; !stop.signal.aborted; n++) {
      const attempt = putPolicyData(writer, [`k${n % 50}`], String(n))
      // Whether one that failed is stored does not matter: what is stored is compared.
      await attempt.then(({ revision }) => (last = revision)).catch(() => nextTick())
    }
  })()
  for (let round = 1; round <= 3; round++) {
    const before = last
    await bus.restart()
    await waitFor(() => last > before + 20, { ...SOON, what: 'writes after the restart' })
  }
  stop.abort()
  await writing
  await using fresh = await followed(bus)
  await waitFor(() => reader.current === fresh.current, { ...SOON, what: 'the last write' })
  expect(Object.fromEntries(reader.known)).toEqual(Object.fromEntries(fresh.known))
  const revisions = reader.told.map((change) => change.revision)
  expect(revisions).toEqual([...new Set(revisions)].toSorted((a, b) => a - b))
})

test('a store that was set up anew is loaded anew', TIMEOUT, async () => {
  await using bus = await startBus()
  await putPolicyData(await bus.connect('policy-data'), ['old'], '1')
  await putPolicyData(await bus.connect('policy-data'), ['both'], '1')
  await using reader = await followed(bus)
  await bus.kill()
  await rm(path.join(bus.directory, 'nats'), { recursive: true })
  await bus.up()
  await bus.provision()
  for (const name of ['both', 'new', 'newer']) {
    await putPolicyData(await bus.connect('policy-data'), [name], '2')
  }
  await waitFor(() => reader.known.has('newer'), { ...SOON, what: 'the new data' })
  expect(Object.fromEntries(reader.known)).toEqual({ both: '2', new: '2', newer: '2' })
  expect(reader.resets).toBe(2)
})

test('a store that is not there is said, and read once it is', TIMEOUT, async () => {
  await using bus = await startBus({ provisioned: false })
  await using reader = new Reader(await bus.connect('authz-serve'))
  await waitFor(() => reader.errors.length > 0, { ...SOON, what: 'the fault' })
  expect(reader.errors[0]).toMatchObject({ code: 'stream_missing' })
  await bus.provision()
  await reader.following.ready
  expect(reader.current).toBe(0)
})

test('a handler that throws is told, and does not end the following', TIMEOUT, async () => {
  await using bus = await startBus()
  const writer = await bus.connect('policy-data')
  const stop = new AbortController()
  const [seen, errors]: [string[], unknown[]] = [[], []]
  const following = followPolicyData(await bus.connect('operator'), {
    onData: ({ path: [name = ''] }) => {
      seen.push(name)
      if (name === 'bad') throw new Error('no')
    },
    onReset: () => {},
    onError: (error) => errors.push(error),
    signal: stop.signal,
  })
  await following.ready
  for (const name of ['bad', 'good']) await putPolicyData(writer, [name], '1')
  await waitFor(() => seen.includes('good'), { ...SOON, what: 'the second change' })
  expect(errors).toEqual([new Error('no')])
  stop.abort()
  await following.done
})

test('a store that is full refuses, keeps what is there, and lets go', TIMEOUT, async () => {
  await using bus = await startBus({ policyBytes: { [POLICY_DATA.name]: 4096 } })
  const writer = await bus.connect('policy-data')
  const kilobyte = JSON.stringify('x'.repeat(1000))
  for (const name of ['a', 'b', 'c']) await putPolicyData(writer, [name], kilobyte)
  await expect(putPolicyData(writer, ['d'], kilobyte)).rejects.toMatchObject({
    code: 'store_full',
    message: expect.stringContaining('nothing of it was changed'),
  })
  await using reader = await followed(bus)
  expect([...reader.known.keys()]).toEqual(['a', 'b', 'c'])
  await putPolicyData(writer, ['a'], undefined)
  await putPolicyData(writer, ['d'], kilobyte)
  await waitFor(() => reader.known.has('d'), { ...SOON, what: 'what fits again' })
  expect([...reader.known.keys()]).toEqual(['b', 'c', 'd'])
})

test('who writes at the same time is told that somebody else did', TIMEOUT, async () => {
  await using bus = await startBus()
  const writer = await bus.connect('policy-data')
  const writes = Array.from({ length: 8 }, (_, n) => putPolicyData(writer, ['a'], String(n)))
  const results = await Promise.allSettled(writes)
  const refused = results.filter((result) => result.status === 'rejected')
  expect(refused.length).toBeGreaterThan(0)
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'store_conflict' })
})

test.each([[[]], [['x'.repeat(1025)]], [Array<string>(33).fill('a')], [['\ud800']]])(
  'a path that can be no key is refused: %j',
  TIMEOUT,
  async (path) => {
    await using bus = await startBus()
    const writer = await bus.connect('policy-data')
    await expect(putPolicyData(writer, path, '1')).rejects.toMatchObject({ code: 'bad_policy_key' })
  },
)
