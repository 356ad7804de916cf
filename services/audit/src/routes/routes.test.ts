import { TestJournal, tampered } from '@verdict/kit'
import { expect, test } from 'vitest'
import { ServedLog } from '../../test/served-log.ts'

const T = (second: number): number => Date.parse('2026-03-01T00:00:00Z') + second * 1000

test('a decision is found by its id, as it was hashed', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  const [, line] = journal.appendAll(2)
  log.record(journal.message(journal.lines))
  const response = await fetch(log.url(`/v1/decisions/${line?.record.id}`))
  expect(response.headers.get('content-type')).toContain('application/json')
  const body = `{"index":2,"hash":"${line?.hash}","record":${line?.json}}`
  expect(await response.text()).toBe(body)
})

test('a decision that is not in the log is 404, and a malformed id 400', async () => {
  await using log = await ServedLog.start()
  const id = '0193a0c0-0000-7000-8000-000000000000'
  expect(await log.get(`/v1/decisions/${id}`)).toMatchObject({
    status: 404,
    body: { error: { code: 'not_found', message: expect.stringContaining(id) } },
  })
  expect(await log.get('/v1/decisions/17')).toMatchObject({
    status: 400,
    body: { error: { code: 'bad_request', message: expect.stringContaining('UUIDv7') } },
  })
})

test('decisions are listed newest first, and every filter narrows them', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  journal.append({ principal: 'alice', path: '/orders', timeMs: T(1) })
  journal.append({ principal: 'bob', path: '/orders/7', outcome: 'deny', timeMs: T(2) })
  journal.append({ principal: 'alice', path: '/orders/8', timeMs: T(3) })
  journal.append({ destination: { namespace: 'dev', service: 'orders' }, timeMs: T(4) })
  const dry = { outcome: 'unauthenticated', enforced: false } as const
  journal.append({ ...dry, destination: { service: 'catalog' }, timeMs: T(5) })
  log.record(journal.message(journal.lines))
  const cases: [query: string, expected: number[]][] = [
    ['', [5, 4, 3, 2, 1]],
    ['limit=2', [5, 4]],
    ['limit=2&after=4', [3, 2]],
    ['principal=bob', [2]],
    ['outcome=unauthenticated', [5]],
    ['enforced=false', [5]],
    ['enforced=true&outcome=deny', [2]],
    ['enforced=false&outcome=deny', []],
    ['path=/orders', [5, 4, 1]],
    ['path=/orders*', [5, 4, 3, 2, 1]],
    ['path=/orders/*', [3, 2]],
    ['destination=orders', [4, 3, 2, 1]],
    ['destination=dev/orders', [4]],
    ['destination=/catalog', [5]],
    ['from=2026-03-01T00:00:02Z', [5, 4, 3, 2]],
    ['from=2026-03-01T00:00:02Z&to=2026-03-01T00:00:04Z', [3, 2]],
    ['from=2026-03-01T01:00:04%2B01:00', [5, 4]],
    ['principal=alice&outcome=allow&path=/orders/*&destination=shop/orders', [3]],
    ['principal=nobody', []],
  ]
  for (const [query, expected] of cases) {
    const { status, body } = await log.get(`/v1/decisions?${query}`)
    const indices = body.decisions?.map(({ index }) => index)
    expect([query, status, indices]).toEqual([query, 200, expected])
  }
})

test('following the cursor gives every decision once, also while more arrive', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  log.record(journal.message(journal.appendAll(25)))
  const seen: number[] = []
  for (let after = ''; ; ) {
    const { body } = await log.get(`/v1/decisions?limit=7${after}`)
    seen.push(...(body.decisions ?? []).map(({ index }) => index))
    log.record(journal.message(journal.appendAll(3)))
    if (body.next === undefined) break
    expect(typeof body.next).toBe('string')
    after = `&after=${body.next}`
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, at) => 25 - at))
})

test('a parameter that is malformed, repeated or unknown is 400 and named', async () => {
  await using log = await ServedLog.start()
  const cases: [query: string, ...mentioned: string[]][] = [
    ['limit=0', '`limit`', '`0`', 'from 1 to 1000'],
    ['limit=1001', '`limit`', 'from 1 to 1000'],
    ['limit=ten', '`limit`', '`ten`'],
    ['limit=1&limit=2', '`limit`', 'twice'],
    ['after=0', '`after`', 'at least 1'],
    ['after=-1', '`after`'],
    ['after=99999999999999999999', '`after`'],
    ['from=yesterday', '`from`', '2026-01-31T12:00:00Z'],
    ['to=2026-13-01T00:00:00Z', '`to`'],
    ['to=1772323200', '`to`'],
    ['outcome=maybe', '`outcome`', 'allow, deny, unauthenticated, error'],
    ['path=', '`path`'],
    ['principal=', '`principal`'],
    ['destination=shop/', '`destination`', 'namespace/service'],
    ['user=alice', '`user`', 'principal'],
    ['__proto__=1', '`__proto__`'],
  ]
  for (const [query, ...mentioned] of cases) {
    const { status, body } = await log.get(`/v1/decisions?${query}`)
    expect([query, status, body.error?.code]).toEqual([query, 400, 'bad_request'])
    for (const text of mentioned) expect(body.error?.message).toContain(text)
  }
  for (const path of [
    '/v1/stream?limit=1',
    '/v1/instances?outcome=deny',
    '/v1/findings?kind=gap',
  ]) {
    expect((await log.get(path)).status).toBe(400)
  }
})

test('instances show where each journal stands, with what is missing of it', async () => {
  await using log = await ServedLog.start()
  const [first, second] = [new TestJournal('pdp-1', 7), new TestJournal('pdp-2', 8)]
  log.record(first.message(first.appendAll(2)))
  const lines = second.appendAll(5)
  log.record(second.message([...lines.slice(0, 1), ...lines.slice(3)]))
  const newest = {
    ...{ instance: 'pdp-2', epoch: 8, last: 5, lastHash: lines[4]?.hash, missing: 2 },
    ...{
      dropped: 0,
      gaps: [{ from: 2, to: 3 }],
      findings: { gap: 1 },
      lastSeen: expect.any(String),
    },
  }
  const { body } = await log.get('/v1/instances')
  expect(body).toEqual({
    instances: [newest, expect.objectContaining({ instance: 'pdp-1', last: 2, missing: 0 })],
  })
  const page = await log.get('/v1/instances?limit=1')
  expect(page.body.instances).toEqual([newest])
  const rest = await log.get(`/v1/instances?limit=1&after=${page.body.next}`)
  expect(rest.body.instances).toMatchObject([{ instance: 'pdp-1' }])
})

test('findings are listed newest first, and their evidence can be read', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  const [line] = journal.appendAll(3) as [never]
  log.record(journal.message([line, ...journal.lines.slice(2)], 1))
  log.record(journal.message([tampered(line, 'alice', 'mallory')], 2))
  const { body } = await log.get('/v1/findings')
  expect(body.findings).toMatchObject([
    { kind: 'conflict', instance: 'pdp', epoch: 1, from: 1, to: 1, seq: 2 },
    { kind: 'gap', instance: 'pdp', epoch: 1, from: 2, to: 2, seq: 1 },
  ])
  const [conflict, gap] = body.findings ?? []
  const evidence = await fetch(log.url(`/v1/findings/${conflict?.id}/evidence`))
  expect(await evidence.text()).toContain('mallory')
  expect((await log.get(`/v1/findings/${gap?.id}/evidence`)).status).toBe(404)
  expect((await log.get('/v1/findings/x/evidence')).status).toBe(400)
  expect((await log.get('/v1/findings?limit=1')).body.next).toBe(String(conflict?.id))
})
