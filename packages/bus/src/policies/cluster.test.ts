import { createHash, randomBytes } from 'node:crypto'
import { NatsCluster, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { provision } from '../provision.ts'
import { putBundle, readBundle } from './bundles.ts'
import { followPolicyData, putPolicyData } from './data.ts'
import { listPointers, putPointer, readPointer } from './pointers.ts'

const CAPACITY = { replicas: 3, maxBytes: 64 * 1024 * 1024 }
const WRITES = 60

test('bundles and data outlast that a server of three is killed', {
  timeout: 180_000,
}, async () => {
  await using cluster = await NatsCluster.start()
  await provision(await cluster.connect('provisioner'), CAPACITY)
  const [reader, publisher] = [
    await cluster.connect('authz-serve'),
    await cluster.connect('policy-publisher'),
  ]
  const archive = randomBytes(700_000)
  const digest = createHash('sha256').update(archive).digest('hex')
  await putBundle(publisher, archive, digest)
  await putPointer(publisher, 'shop', { jws: 'one', replaces: undefined })
  const known = new Map<string, string>()
  const stop = new AbortController()
  let current = 0
  const following = followPolicyData(reader, {
    onData: ({ path, json }) => known.set(path.join('/'), String(json && Buffer.from(json))),
    onReset: () => known.clear(),
    onCurrent: (revision) => {
      current = revision
    },
    onError: () => {},
    signal: stop.signal,
  })
  await following.ready

  const writer = await cluster.connect('policy-data')
  const expected: Record<string, string> = {}
  for (let n = 0; n < WRITES; n++) {
    if (n === WRITES / 3) cluster.kill(0)
    const path = [`k${n % 7}`]
    const deadline = { deadlineMs: 60_000, what: `write ${n}` }
    const write = () => putPolicyData(writer, path, String(n)).catch(() => undefined)
    const { revision } = await waitFor(write, deadline)
    expected[path.join('/')] = String(n)
    await waitFor(() => current >= revision, { deadlineMs: 60_000, what: `write ${n} to be told` })
    expect(Object.fromEntries(known)).toEqual(expected)
  }
  const read = () => readBundle(reader, digest, { timeoutMs: 5_000, bytesMax: archive.length })
  const deadline = { deadlineMs: 60_000, what: 'the bundle' }
  const bytes = await waitFor(() => read().catch(() => undefined), deadline)
  expect(Buffer.compare(bytes, archive)).toBe(0)
  const pointer = await waitFor(
    () => readPointer(publisher, 'shop').catch(() => undefined),
    deadline,
  )
  await putPointer(publisher, 'shop', { jws: 'two', replaces: pointer })
  expect(Object.fromEntries(await listPointers(reader))).toEqual({ shop: 'two' })
  stop.abort()
  await following.done
})
