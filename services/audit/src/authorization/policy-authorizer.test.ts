import { serve } from '@verdict/bus'
import { type CheckQuery, newDecisionId, queues, subjects } from '@verdict/contract'
import { startBus, type TestBus, waitFor } from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Access } from './authorizer.ts'
import { PolicyAuthorizer } from './policy-authorizer.ts'

/** What audit asks authz, over a real bus with the permissions of both. */

const QUESTION = {
  method: 'GET',
  path: '/v1/decisions?principal=alice',
  address: '10.0.0.7',
  authorization: 'Bearer a.b.c',
  requestId: 'r-1',
}
const id = newDecisionId()
const resources = new AsyncDisposableStack()
const asked: CheckQuery[] = []
let bus: TestBus
let answer: unknown
let authorizer: PolicyAuthorizer

beforeAll(async () => {
  bus = resources.use(await startBus())
  const connection = await bus.connect('audit')
  authorizer = new PolicyAuthorizer({ connection: () => connection, timeoutMs: 500 })
  const nobody = await authorizer.authorize(QUESTION)
  expect(nobody).toMatchObject({ allowed: false, status: 503, reason: /nobody answers/ })
  const serving = serve(await bus.connect('authz-serve'), {
    subject: subjects.check,
    queue: queues.authz,
    concurrencyMax: 4,
    handler: async (payload) => {
      asked.push(JSON.parse(Buffer.from(payload).toString()))
      if (answer === 'never') await new Promise(() => undefined)
      return Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer))
    },
    onError: (error) => expect.unreachable(String(error)),
  })
  resources.defer(async () => void serving.drain())
}, 60_000)
afterAll(async () => await resources.disposeAsync(), 60_000)

async function answered(given: unknown): Promise<Access> {
  answer = given
  return await authorizer.authorize(QUESTION)
}

test('it asks as any caller does, about the service `verdict-audit`', async () => {
  const allowed = { id, outcome: 'allow', reason: 'audit:read', status: 200, headers: {} }
  expect(await answered(allowed)).toEqual({ allowed: true, decision: id })
  expect(asked.at(-1)).toEqual({
    method: 'GET',
    path: '/v1/decisions?principal=alice',
    host: 'verdict-audit',
    headers: { authorization: 'Bearer a.b.c', 'x-request-id': 'r-1' },
    source: { address: '10.0.0.7' },
    destination: { service: 'verdict-audit' },
    timeoutMs: 500,
  })
})

test('a denial that a decision point on trial does not enforce is one here', async () => {
  const tried = { id, outcome: 'allow', reason: 'no', status: 200, headers: {}, enforced: false }
  expect(await answered(tried)).toEqual({
    ...{ allowed: false, status: 403, reason: 'not enforced: no', decision: id },
  })
})

test('a denial is 403, and 401 where the policy asks for a login', async () => {
  const denied = { id, outcome: 'deny', reason: 'no', status: 403, headers: {} }
  const refused = { allowed: false, decision: id, reason: 'no' }
  expect(await answered(denied)).toEqual({ ...refused, status: 403 })
  // Whatever the policy calls it, it is no allowance.
  expect(await answered({ ...denied, status: 200 })).toEqual({ ...refused, status: 403 })
  const login = { ...denied, status: 401, headers: { 'WWW-Authenticate': 'Bearer realm="r"' } }
  const challenged = { ...refused, status: 401, challenge: 'Bearer realm="r"' }
  expect(await answered(login)).toEqual(challenged)
  expect(await answered({ ...denied, outcome: 'unauthenticated' })).toEqual({
    ...challenged,
    challenge: 'Bearer',
  })
  const split = { ...login, headers: { 'www-authenticate': 'x\r\nset-cookie: y' } }
  expect(await answered(split)).toEqual({ ...challenged, challenge: 'Bearer' })
})

test.each([
  ['a fault', { error: { code: 'policy_failed', message: 'it broke' } }],
  ['an allowance beside a fault', { error: { code: 'x', message: 'y' }, id, outcome: 'allow' }],
  ['no id', { outcome: 'allow', reason: 'r', status: 200, headers: {} }],
  ['an id that is none', { id: 'x', outcome: 'allow' }],
  ['another outcome', { id, outcome: 'error' }],
  ['no outcome', { id, allowed: true }],
  ['null', null],
  ['no JSON', 'allow'],
  ['nothing in time', 'never'],
])('%s is never an allowance', async (_name, given) => {
  expect(await answered(given)).toMatchObject({ allowed: false, status: 503 })
})

test('before there is a bus there is no decision', async () => {
  const early = new PolicyAuthorizer({ connection: () => undefined })
  expect(await early.authorize(QUESTION)).toMatchObject({ allowed: false, status: 503 })
})

test('what is answered to others can not be sent where the stream delivers the log', async () => {
  answer = { id, outcome: 'allow', reason: '', status: 200, headers: {} }
  const client = await bus.connect('client')
  const reply = '_INBOX.audit.forged'
  const refusal = `Permissions Violation for Publish to "${reply}"`
  client.publish(subjects.check, JSON.stringify({ method: 'GET', path: '/' }), { reply })
  await client.flush()
  await waitFor(() => bus.refusals.some((text) => text.includes(refusal)), {
    deadlineMs: 10_000,
    what: 'the answer to be refused',
  })
})
