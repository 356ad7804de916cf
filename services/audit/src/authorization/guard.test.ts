import { newDecisionId } from '@verdict/contract'
import { TestJournal, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { ServedLog } from '../../test/served-log.ts'
import type { Access, AccessQuestion, Authorizer } from './authorizer.ts'
import { DECISION_HEADER } from './guard.ts'

const ALLOWED: Access = { allowed: true, decision: newDecisionId() }

/** Answers as it is told, and remembers what it was asked. */
class Scripted implements Authorizer {
  readonly asked: AccessQuestion[] = []
  access: Access

  constructor(access: Access) {
    this.access = access
  }

  async authorize(question: AccessQuestion): Promise<Access> {
    this.asked.push(question)
    return this.access
  }
}

test('who may read gets the answer, with the id of the decision', async () => {
  const authorizer = new Scripted(ALLOWED)
  await using log = await ServedLog.start({ authorizer })
  const journal = new TestJournal('pdp')
  log.record(journal.message(journal.appendAll(1)))
  const headers = { authorization: 'Bearer a.b.c', 'x-request-id': 'r-1', other: 'x' }
  const response = await fetch(log.url('/v1/decisions?limit=1'), { headers })
  expect(response.status).toBe(200)
  expect(response.headers.get(DECISION_HEADER)).toBe(ALLOWED.allowed && ALLOWED.decision)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(authorizer.asked).toEqual([
    {
      method: 'GET',
      path: '/v1/decisions?limit=1',
      address: '127.0.0.1',
      authorization: 'Bearer a.b.c',
      requestId: 'r-1',
    },
  ])
})

test('no proxy may keep what one reader was shown', async () => {
  await using log = await ServedLog.start({ authorizer: new Scripted(ALLOWED) })
  const journal = new TestJournal('pdp')
  log.record(journal.message(journal.appendAll(1)))
  const cachingOf = async (path: string) =>
    await waitFor(
      async () => {
        const response = await fetch(log.url(path))
        return response.ok && response.headers.get('cache-control')
      },
      { deadlineMs: 5_000, what: `${path} to be there` },
    )
  // Waits for the checkpoint.
  await fetch(log.url(`/v1/decisions/${journal.lines[0]?.record.id}/receipt`))
  const width = log.store.published.size
  expect(await cachingOf(`/log/tile/entries/000.p/${width}`)).toMatch(/^private, /)
  expect(await cachingOf(`/log/tile/0/000.p/${width}`)).toMatch(/^public, /)
})

test('a refusal says why, and by which decision', async () => {
  const decision = newDecisionId()
  const refused: Access = { allowed: false, status: 403, reason: 'audit_missing', decision }
  const authorizer = new Scripted(refused)
  await using log = await ServedLog.start({ authorizer })
  const forbidden = await log.get('/v1/decisions')
  expect(forbidden).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } })
  expect(forbidden.body.error?.message).toContain('audit_missing')
  expect(forbidden.body.error?.message).toContain(decision)
  authorizer.access = { ...refused, status: 401, challenge: 'Bearer realm="x"' }
  const unknown = await fetch(log.url('/v1/decisions'))
  expect(unknown.status).toBe(401)
  expect(unknown.headers.get('www-authenticate')).toBe('Bearer realm="x"')
  authorizer.access = { allowed: false, status: 503, reason: 'nobody answers' }
  const { status, body } = await log.get('/v1/decisions')
  expect([status, body.error?.code]).toEqual([503, 'authorization_unavailable'])
  expect(body.error?.message).toContain('nobody answers')
  const metrics = await (await fetch(log.url('/metrics'))).text()
  expect(metrics).toMatch(/authorizations_total\{.*outcome="refused".*\} 2$/m)
  expect(metrics).toMatch(/authorizations_total\{.*outcome="unavailable".*\} 1$/m)
})

test('every route but the open ones is refused to whom nobody lets in', async () => {
  const authorizer = new Scripted({ allowed: false, status: 503, reason: 'down' })
  await using log = await ServedLog.start({ authorizer })
  const statuses = await Promise.all(
    log.operations.map(async ({ method, url }) => {
      const path = url.replace(/:\w+/, '1').replace('*', 'entries/000')
      return [url, (await fetch(log.url(path), { method })).status]
    }),
  )
  const guarded = statuses.filter(([, status]) => status === 503).map(([url]) => url)
  const open = log.operations.map(({ url }) => url).filter((url) => !guarded.includes(url))
  const isOpen = /^\/log\/(.+\/)?checkpoint|^\/v1\/openapi\.json$/
  expect(open.filter((url) => !isOpen.test(url))).toEqual([])
  expect(open).toContain('/log/checkpoint')
  expect(statuses.length).toBeGreaterThan(8)
  expect((await fetch(log.url('/healthz'))).status).toBe(200)
})

test('a stream ends when its reader may not read any more', async () => {
  const authorizer = new Scripted(ALLOWED)
  await using log = await ServedLog.start({ authorizer, reauthorizationMs: 20 })
  const response = await fetch(log.url('/v1/stream'), { headers: { authorization: 'Bearer t' } })
  expect(response.status).toBe(200)
  const ended = response.text()
  await waitFor(() => authorizer.asked.length > 2, { deadlineMs: 5_000, what: 'it to be asked' })
  expect(authorizer.asked[2]).toEqual(authorizer.asked[0])
  authorizer.access = { allowed: false, status: 503, reason: 'down' }
  expect(await ended).toContain('retry:')
  expect(log.feed.open).toBe(0)
  const { length } = authorizer.asked
  await log.get('/v1/log')
  expect(authorizer.asked.length).toBe(length + 1)
})
