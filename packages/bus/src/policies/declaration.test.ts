import { POLICY_DATA, POLICY_POINTERS, POLICY_STREAMS } from '@verdict/contract'
import { startBus } from '@verdict/kit'
import { expect, test } from 'vitest'
import { askPolicies, type Described } from '../jetstream-api.ts'
import { followPolicyData } from './data.ts'

const TIMEOUT = { timeout: 60_000 }

test('declaring the stores again changes nothing', TIMEOUT, async () => {
  await using bus = await startBus()
  const nc = await bus.connect('provisioner')
  const configs = async (): Promise<unknown[]> =>
    await Promise.all(
      POLICY_STREAMS.map(async ({ name }) => {
        return (await askPolicies<Described>(nc, `STREAM.INFO.${name}`)).config
      }),
    )
  const before = await configs()
  await bus.provision()
  expect(await configs()).toEqual(before)
})

const [data, pointers] = [POLICY_DATA.name, POLICY_POINTERS.name]

test.each([
  [data, { deny_delete: false }, /deny_delete is false, not true/],
  [data, { deny_purge: false, allow_rollup_hdrs: true }, /allow_rollup_hdrs is true, not false/],
  [data, { max_age: 1_000_000_000, duplicate_window: 1_000_000_000 }, /max_age is 1000000000/],
  [data, { discard: 'old' }, /discard is "old", not "new"/],
  [data, { max_msgs: 5 }, /max_msgs is 5, not -1/],
  [data, { max_msgs_per_subject: 2 }, /max_msgs_per_subject is 2, not 1/],
  [data, { storage: 'memory', max_bytes: 1024 }, /storage is "memory", not "file"/],
  [data, { max_bytes: 1024 }, /max_bytes is 1024, not/],
  [data, { republish: undefined }, /republish is absent/],
  [data, { republish: { src: '>', dest: 'verdict.news.data.>' } }, /republish is/],
  [data, { sources: [{ name: 'FORGED' }] }, /sources is .*FORGED.*, not absent/],
  [pointers, { allow_msg_ttl: true }, /allow_msg_ttl is true, not false/],
  [pointers, { no_ack: true }, /no_ack is true, not false/],
])('a store %s that is set up with %j is refused', TIMEOUT, async (name, change, says) => {
  await using bus = await startBus()
  const nc = await bus.connect('provisioner')
  const { config } = await askPolicies<Described>(nc, `STREAM.INFO.${name}`)
  await using other = await startBus({ provisioned: false })
  const provisioner = await other.connect('provisioner')
  await askPolicies(provisioner, `STREAM.CREATE.${name}`, { ...config, ...change, metadata: {} })
  const refusal = { code: 'stream_weakened', message: expect.stringMatching(says) }
  await expect(other.provision()).rejects.toMatchObject(refusal)
})

test('a store that does not keep what readers rely on is not read', TIMEOUT, async () => {
  await using bus = await startBus({ provisioned: false })
  const subjects = [...POLICY_DATA.subjects]
  const config = { name: data, subjects, storage: 'file', max_bytes: 1024, num_replicas: 1 }
  await askPolicies(await bus.connect('provisioner'), `STREAM.CREATE.${data}`, config)
  const stop = new AbortController()
  const fault = Promise.withResolvers<unknown>()
  const following = followPolicyData(await bus.connect('authz-serve'), {
    onData: () => {},
    onReset: () => {},
    onError: fault.resolve,
    signal: stop.signal,
  })
  await expect(fault.promise).resolves.toMatchObject({ code: 'stream_weakened' })
  stop.abort()
  await following.done
})
