import { connect } from 'node:net'
import { TestJournal, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { EventReader } from '../../test/event-reader.ts'
import { ServedLog } from '../../test/served-log.ts'
import { STREAMS_MAX } from './feed.ts'

const DEADLINE_MS = 10_000

test('a stream from the beginning replays the log and goes on live, each record once', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  log.record(journal.message(journal.appendAll(300)))
  await using reader = await EventReader.open(log.url('/v1/stream?after=0'))
  const writing = (async () => {
    for (let batch = 0; batch < 20; batch++) {
      log.record(journal.message(journal.appendAll(10)))
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  const events = await reader.take(500)
  await writing
  expect(events.map(({ id }) => id)).toEqual(Array.from({ length: 500 }, (_, at) => at + 1))
  const [first] = journal.lines
  expect(events[0]?.data).toContain(`"index":1,"hash":"${first?.hash}","record":${first?.json}}`)
  // It says where it is for whoever verifies it: as its receipt does.
  const { leaf, origin, record } = JSON.parse(events[0]?.data ?? '')
  expect(origin).toBe(log.store.published.origin)
  expect(await log.store.receipt(record.id)).toContain(`\nindex ${leaf}\n`)
  expect(events.map(({ data }) => JSON.parse(data ?? '').record.n)).toEqual(
    journal.lines.map(({ record }) => record.n),
  )
})

test('a reader that comes back with its last id misses and repeats nothing', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  const seen: number[] = []
  for (let round = 0; round < 8; round++) {
    const lastId = seen.at(-1) ?? 0
    const headers = lastId === 0 ? {} : { 'last-event-id': String(lastId) }
    // What the URL says is older than the header, as a browser does it.
    await using reader = await EventReader.open(log.url('/v1/stream?after=0'), headers)
    log.record(journal.message(journal.appendAll(20)))
    seen.push(...(await reader.take(13)).map(({ id }) => id))
  }
  expect(seen).toEqual(Array.from({ length: 8 * 13 }, (_, at) => at + 1))
})

test('a stream without a place begins now, and says where that is', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  log.record(journal.message(journal.appendAll(5)))
  await using reader = await EventReader.open(log.url('/v1/stream'))
  expect(await reader.next()).toEqual({ id: 5, data: undefined })
  log.record(journal.message(journal.appendAll(1)))
  expect(await reader.take(1)).toMatchObject([{ id: 6 }])
})

test('a stream gives what its filters let through', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  const query = '/v1/stream?after=0&outcome=deny&principal=bob&destination=shop/orders'
  await using reader = await EventReader.open(log.url(query))
  journal.append({ outcome: 'deny', principal: 'bob' })
  journal.append({ outcome: 'allow', principal: 'bob' })
  journal.append({ outcome: 'deny', principal: 'alice' })
  journal.append({ outcome: 'deny', principal: 'bob', destination: { service: 'orders' } })
  journal.append({ outcome: 'deny', principal: 'bob' })
  log.record(journal.message(journal.lines))
  expect((await reader.take(2)).map(({ id }) => id)).toEqual([1, 5])
})

test('a quiet stream is kept alive, and its id moves past what does not match', async () => {
  await using log = await ServedLog.start({ keepAliveMs: 30 })
  const journal = new TestJournal('pdp')
  await using reader = await EventReader.open(log.url('/v1/stream?outcome=deny'))
  log.record(journal.message(journal.appendAll(3)))
  const moved = await waitFor(
    async () => {
      const event = await reader.next()
      return event?.id === 3 ? event : undefined
    },
    { deadlineMs: DEADLINE_MS, what: 'the id to move' },
  )
  expect(moved.data).toBeUndefined()
})

test('a place beyond the log is refused, and so is a malformed one', async () => {
  await using log = await ServedLog.start()
  expect(await log.get('/v1/stream?after=1')).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringContaining('beyond the log') } },
  })
  await using reader = await EventReader.open(log.url('/v1/stream'), { 'last-event-id': 'x' })
  expect(reader.status).toBe(400)
})

test('a reader that does not read is cut off, and the others go on', async () => {
  await using log = await ServedLog.start({ drainTimeoutMs: 200 })
  const journal = new TestJournal('pdp')
  const path = `/${'x'.repeat(2000)}`
  log.record(journal.message(journal.appendAll(6_000, { path })))
  const { hostname, port } = new URL(log.url('/'))
  const slow = connect(Number(port), hostname)
  const closed = new Promise((resolve) => slow.once('close', resolve))
  slow.pause().on('error', () => undefined)
  slow.write('GET /v1/stream?after=0 HTTP/1.1\r\nhost: audit\r\n\r\n')
  await using reader = await EventReader.open(log.url('/v1/stream?after=0'))
  expect(await reader.take(6_000)).toHaveLength(6_000)
  await waitFor(() => log.feed.open === 1, { deadlineMs: DEADLINE_MS, what: 'the slow to be cut' })
  expect(await log.metrics.metrics()).toContain('verdict_audit_streams_cut_total 1\n')
  log.record(journal.message(journal.appendAll(1)))
  expect(await reader.take(1)).toMatchObject([{ id: 6_001 }])
  slow.resume()
  await closed
})

test('streams beyond the bound are refused, and a place that is left is free again', async () => {
  await using log = await ServedLog.start()
  await using readers = new AsyncDisposableStack()
  for (let open = 0; open < STREAMS_MAX; open++) {
    readers.use(await EventReader.open(log.url('/v1/stream')))
  }
  expect(await log.get('/v1/stream')).toMatchObject({
    status: 429,
    body: { error: { code: 'too_many_requests' } },
  })
  await readers.disposeAsync()
  await waitFor(() => log.feed.open === 0, {
    deadlineMs: DEADLINE_MS,
    what: 'the readers to leave',
  })
  await using reader = await EventReader.open(log.url('/v1/stream'))
  expect(reader.status).toBe(200)
})

test('a stop ends the streams in order', async () => {
  await using log = await ServedLog.start()
  await using reader = await EventReader.open(log.url('/v1/stream'))
  expect(await reader.next()).toEqual({ id: 0, data: undefined })
  await log.stop()
  expect(await reader.next()).toBeUndefined()
})
