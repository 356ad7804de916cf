import { Outcome } from '@verdict/contract'
import { expect, test } from 'vitest'
import type { Answer } from '../decide.ts'
import { AuthzError } from '../errors.ts'
import type { Caller, DecisionRequest } from '../request.ts'
import { readResult } from '../result/read-result.ts'
import { checkQueryHandler } from './check.ts'

const REFUSED: string[] = []

/** Asks with a decision that is settled before. */
async function ask(query: unknown, decision: unknown = true) {
  const requests: DecisionRequest[] = []
  const callers: Caller[] = []
  const decide = async (request: DecisionRequest, caller: Caller): Promise<Answer> => {
    requests.push(request)
    callers.push(caller)
    if (decision instanceof Error) throw decision
    const result = readResult(decision)
    return {
      id: '01a20552-4f9b-73c0-b960-a929ac206ebf' as Answer['id'],
      outcome: result.allowed ? Outcome.allow : Outcome.deny,
      result,
      status: result.status,
      unreadable: false,
      headersToRemove: [],
    }
  }
  const handler = checkQueryHandler(
    { decide },
    { questionRefused: (protocol, error) => REFUSED.push(`${protocol} ${error.code}`) },
  )
  const payload = typeof query === 'string' ? query : JSON.stringify(query)
  const answer = JSON.parse(Buffer.from(await handler(Buffer.from(payload))).toString())
  return { answer, request: requests[0], caller: callers[0] }
}

test('a query is a request like any other', async () => {
  const { request } = await ask({
    method: 'POST',
    path: '/orders?a=1',
    host: 'shop.example',
    scheme: 'https',
    headers: { 'X-Request-Id': 'r-1', Authorization: 'Bearer a' },
    source: { address: '10.0.0.7', principal: 'spiffe://td/a' },
    destination: { namespace: 'shop', service: 'orders', principal: 'spiffe://td/b' },
  })
  expect(request).toMatchObject({ protocol: 'nats', verdictIsStatus: false })
  expect(request?.attributes).toEqual({
    source: { address: { socketAddress: { address: '10.0.0.7' } }, principal: 'spiffe://td/a' },
    destination: { service: 'orders', principal: 'spiffe://td/b' },
    request: {
      time: { seconds: expect.any(Number), nanos: expect.any(Number) },
      http: {
        id: 'r-1',
        method: 'POST',
        path: '/orders?a=1',
        host: 'shop.example',
        scheme: 'https',
        headers: { 'x-request-id': 'r-1', authorization: 'Bearer a' },
      },
    },
    contextExtensions: { namespace: 'shop', service: 'orders' },
  })
})

test('the answer is the decision', async () => {
  const headers = { 'x-a': '1' }
  const decision = { allowed: false, http_status: 429, reason: 'slow', headers, body: 'later' }
  const { answer } = await ask({ method: 'GET', path: '/' }, decision)
  expect(answer).toEqual({
    id: '01a20552-4f9b-73c0-b960-a929ac206ebf',
    outcome: 'deny',
    reason: 'slow',
    status: 429,
    headers,
    body: 'later',
  })
})

test('a question may tell how long its caller waits', async () => {
  const query = { method: 'GET', path: '/' }
  expect((await ask(query)).caller?.deadlineMs).toBeUndefined()
  const askedMs = performance.now()
  const { caller } = await ask({ ...query, timeoutMs: 60_000 })
  expect(caller?.deadlineMs).toBeGreaterThanOrEqual(askedMs + 60_000)
  expect(caller?.deadlineMs).toBeLessThanOrEqual(performance.now() + 60_000)
})

test('a fault is no decision', async () => {
  const fault = new AuthzError('policy_failed', 'it broke')
  const { answer } = await ask({ method: 'GET', path: '/' }, fault)
  expect(answer).toEqual({ error: { code: 'policy_failed', message: 'it broke' } })
})

test.each([
  ['no JSON', 'not json'],
  ['a list', []],
  ['null', null],
  ['no method', { path: '/' }],
  ['a path that is no text', { method: 'GET', path: 1 }],
  ['a host that is no text', { method: 'GET', path: '/', host: {} }],
  ['a header that is no text', { method: 'GET', path: '/', headers: { a: 1 } }],
  ['a timeout that is a text', { method: 'GET', path: '/', timeoutMs: '200' }],
  ['a timeout of nothing', { method: 'GET', path: '/', timeoutMs: 0 }],
  ['headers that are a list', { method: 'GET', path: '/', headers: ['a'] }],
  ['a source that is a text', { method: 'GET', path: '/', source: 'a' }],
  ['a destination that is null', { method: 'GET', path: '/', destination: null }],
])('%s is a malformed question', async (_name, query) => {
  const { answer, request } = await ask(query)
  expect(answer).toEqual({ error: { code: 'question_malformed', message: expect.any(String) } })
  expect(request).toBeUndefined()
  expect(REFUSED.at(-1)).toBe('nats question_malformed')
})
