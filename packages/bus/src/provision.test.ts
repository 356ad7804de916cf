import { DECISIONS } from '@verdict/contract'
import { startBus } from '@verdict/kit'
import type { NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { askJetStream } from './jetstream-api.ts'
import { provision, verifyStream } from './provision.ts'
import { decisionsConsumer, decisionsStream } from './stream-declaration.ts'

const TIMEOUT = { timeout: 60_000 }
const CAPACITY = { replicas: 1, maxBytes: 64 * 1024 * 1024 }

async function weaken(provisioner: NatsConnection, change: object): Promise<void> {
  const config = { ...decisionsStream(CAPACITY), ...change }
  await askJetStream(provisioner, `STREAM.UPDATE.${DECISIONS.name}`, config)
}

test('what is declared is there, and declaring it again changes nothing', TIMEOUT, async () => {
  await using bus = await startBus({ provisioned: false })
  const provisioner = await bus.connect('provisioner')
  const reader = await bus.connect('operator')
  await expect(verifyStream(reader)).rejects.toMatchObject({ code: 'stream_missing' })
  await provision(provisioner, CAPACITY)
  const info = `STREAM.INFO.${DECISIONS.name}`
  const before = await askJetStream(provisioner, info)
  await provision(provisioner, CAPACITY)
  expect((await askJetStream(provisioner, info)).config).toEqual(before.config)
  expect(before.config).toMatchObject({
    deny_delete: true,
    deny_purge: true,
    discard: 'new',
    retention: 'limits',
    storage: 'file',
    max_bytes: CAPACITY.maxBytes,
  })
  for (const role of ['audit', 'telemetry', 'authz-record', 'operator'] as const) {
    await expect(verifyStream(await bus.connect(role)), role).resolves.toBeUndefined()
  }
})

test.each([
  [{ max_msgs: 1, discard: 'old' }, /discard is "old", not "new".*max_msgs is 1, not -1/],
  [{ max_age: 1_000_000_000, duplicate_window: 1_000_000_000 }, /max_age is 1000000000, not/],
  [{ allow_direct: true }, /allow_direct is true, not false/],
  [{ allow_atomic: true }, /allow_atomic is true, not false/],
  [{ allow_msg_ttl: true }, /allow_msg_ttl is true, not false/],
  [{ no_ack: true }, /no_ack is true, not false/],
  [{ subjects: ['verdict.journal.*', 'other'] }, /subjects is .*other/],
  [{ republish: { src: '>', dest: 'elsewhere.>' } }, /republish is .*elsewhere.*, not absent/],
  [{ sources: [{ name: 'FORGED' }] }, /sources is .*FORGED.*, not absent/],
  [{ sealed: true }, /sealed is true, not false/],
])('a stream weakened by %j is refused and left as it is', TIMEOUT, async (change, says) => {
  await using bus = await startBus()
  const provisioner = await bus.connect('provisioner')
  await weaken(provisioner, change)
  const info = `STREAM.INFO.${DECISIONS.name}`
  const before = await askJetStream(provisioner, info)
  const refusal = { code: 'stream_weakened', message: expect.stringMatching(says) }
  await expect(provision(provisioner, CAPACITY)).rejects.toMatchObject(refusal)
  await expect(verifyStream(await bus.connect('audit'))).rejects.toMatchObject(refusal)
  expect((await askJetStream(provisioner, info)).config).toEqual(before.config)
})

test('a capacity that is not the one asked for is said', TIMEOUT, async () => {
  await using bus = await startBus()
  const provisioner = await bus.connect('provisioner')
  await expect(provision(provisioner, { replicas: 1, maxBytes: 1024 })).rejects.toMatchObject({
    code: 'stream_weakened',
    message: expect.stringContaining(`max_bytes is ${CAPACITY.maxBytes}, not 1024`),
  })
})

test('a consumer that skips or hides messages is refused', TIMEOUT, async () => {
  await using bus = await startBus()
  const provisioner = await bus.connect('provisioner')
  const config = {
    ...decisionsConsumer('audit'),
    max_deliver: 1,
    filter_subject: 'verdict.journal.a',
  }
  await askJetStream(provisioner, `CONSUMER.CREATE.${DECISIONS.name}.audit`, {
    stream_name: DECISIONS.name,
    config,
    action: 'update',
  })
  await expect(provision(provisioner, CAPACITY)).rejects.toMatchObject({
    code: 'consumer_weakened',
    message: expect.stringMatching(/max_deliver is 1, not -1.*filter_subject is .*not absent/),
  })
})
