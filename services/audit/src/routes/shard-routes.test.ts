import { TestJournal } from '@verdict/kit'
import { openCheckpoint, parseVerifierKey, TiledTree, tilePath } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { ServedLog } from '../../test/served-log.ts'

interface LogBody {
  readonly origin: string
  readonly size: number
  readonly vkey: string
  readonly shards: {
    readonly name: string
    readonly origin: string
    readonly vkey: string
    readonly path: string
    readonly size: number
    readonly root: string
    readonly state: string
  }[]
}

const DAY_MS = 86_400_000

/** Two closed shards and an open one, of two records each. */
async function servedShards(): Promise<{ log: ServedLog; journal: TestJournal }> {
  const clock = { ms: Date.parse('2026-01-10') }
  const storeOptions = { shards: { monthly: true }, now: () => clock.ms }
  const log = await ServedLog.start({ storeOptions })
  const journal = new TestJournal('pdp')
  for (const month of ['2026-01-10', '2026-02-10', '2026-03-10']) {
    clock.ms = Date.parse(month)
    log.record(journal.message(journal.appendAll(2, { timeMs: clock.ms })))
  }
  await fetch(log.url(`/v1/decisions/${journal.lines[5]?.record.id}/receipt`))
  return { log, journal }
}

async function json<T>(log: ServedLog, path: string, init?: RequestInit): Promise<[number, T]> {
  const response = await fetch(log.url(path), init)
  return [response.status, (await response.json()) as T]
}

function posted(body: object): RequestInit {
  const headers = { 'content-type': 'application/json' }
  return { method: 'POST', headers, body: JSON.stringify(body) }
}

test('each shard is read and verified over HTTP by the path that the log tells', async () => {
  const { log } = await servedShards()
  await using _log = log
  const [, body] = await json<LogBody>(log, '/v1/log')
  expect(body.shards.map(({ name, state }) => [name, state])).toEqual([
    ['2026-01', 'closed'],
    ['2026-02', 'closed'],
    ['2026-03', 'open'],
  ])
  expect(body.size).toBe(body.shards[2]?.size)
  expect(body.vkey.split('+')[0]).toBe(body.origin)
  for (const { origin, path, root, size, vkey } of body.shards) {
    const note = await (await fetch(log.url(`${path}checkpoint`))).text()
    const { checkpoint } = openCheckpoint(note, [parseVerifierKey(vkey)])
    expect([checkpoint.origin, checkpoint.size]).toEqual([origin, size])
    expect(Buffer.from(checkpoint.root).toString('base64')).toBe(root)
    const read = async (name: string): Promise<Uint8Array> =>
      new Uint8Array(await (await fetch(log.url(`${path}${name}`))).arrayBuffer())
    const tree = await TiledTree.open(checkpoint, (tile) => read(tilePath(tile)))
    const bundle = { index: 0, width: size }
    const entries = await tree.entriesOf(bundle, await read(`tile/entries/000.p/${size}`))
    expect(entries).toHaveLength(size)
  }
  expect((await log.get('/log/2026-04/checkpoint')).status).toBe(404)
  // This log was begun with shards, so there is none right here.
  expect((await log.get('/log/checkpoint')).status).toBe(404)
})

test('what was pruned answers 410 by a code of its own, and its hashes are served on', async () => {
  const { log, journal } = await servedShards()
  await using _log = log
  expect(await log.store.retention.prune(40 * DAY_MS)).toMatchObject([{ shard: '2026-01' }])
  const [, { shards }] = await json<LogBody>(log, '/v1/log')
  const { path = '', size = 0, state } = shards[0] ?? {}
  expect(state).toBe('pruned')
  const gone = { error: { code: 'pruned' } }
  const [status, body] = await json(log, `${path}tile/entries/000.p/${size}`)
  expect([status, body]).toMatchObject([410, gone])
  expect((await fetch(log.url(`${path}tile/0/000.p/${size}`))).status).toBe(200)
  expect((await fetch(log.url(`${path}checkpoint`))).status).toBe(200)
  expect(journal.lines).toHaveLength(6)
})

test('holds are placed, listed and released, and each is on the record', async () => {
  const { log } = await servedShards()
  await using _log = log
  const hold = { name: 'case-7', reason: 'asked for', from: '2026-02-01T00:00:00Z' }
  const [created, placed] = await json(log, '/v1/holds', posted(hold))
  expect([created, placed]).toMatchObject([201, { name: 'case-7', address: '127.0.0.1' }])
  const [again] = await json(log, '/v1/holds', posted(hold))
  expect(again).toBe(400)
  const [, listed] = await json(log, '/v1/holds')
  expect(listed).toMatchObject({ holds: [{ name: 'case-7', from: '2026-02-01T00:00:00.000Z' }] })
  const url = log.url('/v1/holds/case-7?reason=closed')
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(204)
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(404)
  expect(log.store.notes('release')).toMatchObject([{ name: 'case-7', reason: 'closed' }])
})

test.each([
  ['without a reason', { name: 'a' }],
  ['with a name that is none', { name: '../a', reason: 'r' }],
  ['with a time that is none', { name: 'a', reason: 'r', from: 'yesterday' }],
  ['with a part that is unknown', { name: 'a', reason: 'r', path: '/x' }],
  ['with a number', { name: 'a', reason: 'r', principal: 7 }],
  ['that is a list', ['a']],
])('a hold %s is refused', async (_what, body) => {
  await using log = await ServedLog.start()
  const [status, answer] = await json(log, '/v1/holds', posted(body))
  expect([status, answer]).toMatchObject([400, { error: { code: 'bad_request' } }])
  expect(log.store.retention.holds()).toEqual([])
})
