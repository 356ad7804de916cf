import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TestJournal, temporaryDirectory, waitFor } from '@verdict/kit'
import { createLog, createMetrics } from '@verdict/service'
import { expect, test } from 'vitest'
import { ServedLog } from '../../test/served-log.ts'
import { isSignedBy, SECRET, WebhookReceiver } from '../../test/webhook-receiver.ts'
import { startWebhooks } from './start-webhooks.ts'
import { readWebhooks } from './webhook-file.ts'

const SOON = { deadlineMs: 20_000 }
const oneTo = (last: number): number[] => Array.from({ length: last }, (_, at) => at + 1)

/** A log, a receiver, and the webhooks between them, which can be started again. */
async function hooked(given: Readonly<Record<string, unknown>> = {}) {
  const resources = new AsyncDisposableStack()
  const dir = resources.use(temporaryDirectory())
  const log = resources.use(await ServedLog.start())
  const receiver = resources.use(await WebhookReceiver.start())
  const file = join(dir.path, 'webhooks.json')
  writeFileSync(join(dir.path, 'siem.secret'), `${SECRET}\n`)
  const hook = { name: 'siem', url: receiver.url, secretFile: 'siem.secret', ...given }
  writeFileSync(file, JSON.stringify({ webhooks: [hook] }))
  let metrics = createMetrics('audit')
  const start = () => {
    metrics = createMetrics('audit')
    return startWebhooks({
      config: { dataDir: dir.path },
      feed: log.feed,
      log: createLog({ service: 'audit', instance: 'audit-test', level: 'silent' }),
      retryMs: 4,
      store: log.store,
      targets: readWebhooks(file),
      metrics,
    })
  }
  const journal = new TestJournal('pdp')
  return {
    ...{ dir, log, journal, receiver, start, hook, file },
    metric: async (name: string): Promise<number> => {
      const text = await metrics.metrics()
      return Number(new RegExp(`^verdict_audit_webhook_${name}\\{.*\\} (.+)$`, 'm').exec(text)?.[1])
    },
    record: (count: number, parts = {}) =>
      log.record(journal.message(journal.appendAll(count, parts))),
    received: async (count: number) => {
      const isThere = (): boolean => receiver.indices().length >= count
      await waitFor(isThere, { ...SOON, what: `${count} decisions at the receiver` })
      return receiver.indices()
    },
    [Symbol.asyncDispose]: async () => await resources.disposeAsync(),
  }
}

test('decisions are posted in their order, signed as a receiver verifies it', async () => {
  await using to = await hooked({ batchMax: 7 })
  to.record(3)
  // Without a place it begins now.
  await using _hooks = to.start()
  to.record(20)
  expect(await to.received(20)).toEqual(oneTo(23).slice(3))
  const { accepted } = to.receiver
  for (const delivery of accepted) {
    expect(isSignedBy(SECRET, delivery)).toBe(true)
    expect(isSignedBy(SECRET, { ...delivery, body: `${delivery.body} ` })).toBe(false)
    expect(delivery.headers['content-type']).toBe('application/cloudevents-batch+json')
    expect(JSON.parse(delivery.body).length).toBeLessThanOrEqual(7)
  }
  expect(new Set(accepted.map(({ headers }) => headers['webhook-id'])).size).toBe(accepted.length)
  const [first] = to.receiver.events()
  expect(first?.data).toEqual(to.journal.lines[3]?.record)
  expect(first?.leaf).toMatch(new RegExp(`^${to.log.store.published.origin} \\d+$`))
  await waitFor(async () => (await to.metric('behind')) === 0, { ...SOON, what: 'the last answer' })
  expect(await to.metric('decisions_total')).toBe(20)
  expect(await to.metric('success_seconds')).toBeGreaterThan(1e9)
})

test('what is not accepted comes again until it is, and the order stays', async () => {
  await using to = await hooked({ batchMax: 5, timeoutMs: 300 })
  const { accepted, answers, deliveries } = to.receiver
  let followed = false
  answers.push(
    (response) => response.writeHead(500).end('x'.repeat(100_000)),
    (response) => response.destroy(),
    // A redirect is not followed.
    (response) => response.writeHead(307, { location: `${to.receiver.url}?elsewhere` }).end(),
    // No answer within the time.
    () => undefined,
    (response) => response.writeHead(429, { 'retry-after': '0' }).end(),
    (response, delivery) => {
      followed = deliveries.some(({ url }) => url.includes('elsewhere'))
      to.receiver.accept(response, delivery)
    },
  )
  await using _hooks = to.start()
  to.record(12)
  // On a machine that stands still more of them may be late, and come again.
  await to.received(12)
  expect([...new Set(to.receiver.indices())]).toEqual(oneTo(12))
  expect(followed).toBe(false)
  const ids = deliveries.map(({ headers }) => headers['webhook-id'])
  expect(new Set(ids.slice(0, 6)).size).toBe(1)
  expect(new Set(accepted.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(ids))
  await waitFor(async () => (await to.metric('failing')) === 0, { ...SOON, what: 'recovery' })
  expect(await to.metric('failures_total')).toBeGreaterThanOrEqual(5)
})

test('a restart goes on where it was, and repeats what was not known to be accepted', async () => {
  await using to = await hooked({ batchMax: 4 })
  const stop = Promise.withResolvers<void>()
  {
    await using _hooks = to.start()
    to.record(8)
    await to.received(8)
    // Accepted, and the answer never arrives.
    to.receiver.answers.push((_, delivery) => {
      to.receiver.accepted.push(delivery)
      stop.resolve()
    })
    to.record(4)
    await stop.promise
  }
  to.record(3)
  await using _again = to.start()
  const indices = await to.received(12 + 7)
  expect(indices).toEqual([...oneTo(12), ...oneTo(15).slice(8)])
})

test('a receiver that does not answer holds up nobody, and gets everything later', async () => {
  await using to = await hooked({ batchMax: 50, timeoutMs: 60_000 })
  const held = Promise.withResolvers<() => void>()
  to.receiver.answers.push((response, delivery) => {
    held.resolve(() => to.receiver.accept(response, delivery))
  })
  const other = { ...to.hook, name: 'other', url: `${to.receiver.url}?other` }
  writeFileSync(to.file, JSON.stringify({ webhooks: [to.hook] }))
  await using _slow = to.start()
  to.record(1)
  const release = await held.promise
  // The log goes on, and so does another webhook.
  writeFileSync(to.file, JSON.stringify({ webhooks: [other] }))
  await using _quick = to.start()
  to.record(120)
  expect(to.log.store.lastIndex).toBe(121)
  expect(await to.received(120)).toEqual(oneTo(121).slice(1))
  expect(to.receiver.deliveries.filter(({ url }) => !url.includes('other'))).toHaveLength(1)
  release()
  await to.received(241)
  expect(to.receiver.indices().toSorted((a, b) => a - b)).toEqual(
    oneTo(121)
      .flatMap((index) => [index, index])
      .slice(0, 242)
      .slice(1),
  )
})

test('a webhook gets what its filter lets through, in its format', async () => {
  const filter = { outcome: 'deny', namespace: 'shop', destination: 'orders', principal: 'bob' }
  await using to = await hooked({ filter, format: 'cef' })
  await using _hooks = to.start()
  to.record(70, { outcome: 'deny', principal: 'alice' })
  to.record(2, { outcome: 'deny', principal: 'bob' })
  to.record(1, { outcome: 'allow', principal: 'bob' })
  const delivery = await waitFor(() => to.receiver.accepted[0], { ...SOON, what: 'a batch' })
  expect(delivery.headers['content-type']).toBe('text/plain; charset=utf-8')
  expect(delivery.body).toMatch(/^CEF:0\|.* cn1=71 .*\nCEF:0\|.* cn1=72 .*\n$/)
  await waitFor(async () => (await to.metric('behind')) === 0, { ...SOON, what: 'the end' })
  expect(to.receiver.deliveries).toHaveLength(1)
})

test('410 ends a webhook, also over a restart, until it has another URL', async () => {
  await using to = await hooked()
  to.receiver.answers.push((response) => response.writeHead(410).end())
  {
    await using _hooks = to.start()
    to.record(1)
    const isGone = async (): Promise<boolean> => Number.isNaN(await to.metric('behind'))
    await waitFor(isGone, { ...SOON, what: 'the end of the webhook' })
    to.record(1)
  }
  await using again = to.start()
  expect(await to.metric('behind')).toBeNaN()
  expect(to.receiver.deliveries).toHaveLength(1)
  await again[Symbol.asyncDispose]()
  const hook = { ...to.hook, url: `${to.receiver.url}?new` }
  writeFileSync(to.file, JSON.stringify({ webhooks: [hook] }))
  await using _moved = to.start()
  expect(await to.received(2)).toEqual([1, 2])
})

test('a body keeps its bound, and a secret can be replaced', async () => {
  await using to = await hooked({ batchMax: 1_000 })
  await using _hooks = to.start()
  to.record(400, { path: `/${'x'.repeat(3_000)}` })
  await to.received(400)
  const bodies = to.receiver.accepted.map(({ body }) => body.length)
  expect(Math.max(...bodies)).toBeLessThanOrEqual(1_048_576 + 1)
  expect(bodies.length).toBeGreaterThan(1)
  const other = `whsec_${Buffer.alloc(24, 9).toString('base64')}`
  writeFileSync(join(to.dir.path, 'siem.secret'), other)
  to.record(1)
  await to.received(401)
  const last = to.receiver.accepted.at(-1)
  expect(last && isSignedBy(other, last)).toBe(true)
})
