import { ask } from '@verdict/bus'
import { type CheckAnswer, subjects } from '@verdict/contract'
import {
  type DecisionPoint,
  sendHttp,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamedDecision,
  type TestBus,
} from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** A decision point with VERDICT_AUTHZ_DRY_RUN: denials are on record, and stop nobody. */

const POLICIES = {
  'authz.rego': `package envoy.authz

default allow := {"allowed": false, "http_status": 404, "headers": {"x-denied": "yes"}, "body": "no"}
`,
}
const DENIED = { outcome: 'deny', status: 404, enforced: false }

const resources = new AsyncDisposableStack()
let bus: TestBus
let point: DecisionPoint

beforeAll(async () => {
  bus = resources.use(await startBus())
  resources.use(await startIdentityResponder(bus))
  const settings = { VERDICT_AUTHZ_DRY_RUN: 'true' }
  point = resources.use(await startDecisionPoint({ bus, policies: POLICIES, settings }))
})
afterAll(async () => {
  await resources.disposeAsync()
})

test('a gateway is told 200 without anything of the denial; the record has the denial', async () => {
  const answer = await sendHttp(point.process.url('/check/a'))
  expect(answer).toMatchObject({ status: 200, body: '' })
  expect(answer.headers['x-denied']).toBeUndefined()
  const id = String(answer.headers['x-verdict-decision-id'])
  expect((await streamedDecision(bus, id)).record).toMatchObject({ ...DENIED, protocol: 'http' })
})

test('a caller over NATS is let through; the record has the denial', async () => {
  const operator = await bus.connect('operator')
  const query = Buffer.from(JSON.stringify({ method: 'GET', path: '/a' }))
  const reply = await ask(operator, subjects.check, query, { timeoutMs: 5_000 })
  const answer = JSON.parse(Buffer.from(reply).toString('utf8')) as CheckAnswer
  expect(answer).toMatchObject({ outcome: 'allow', status: 200, headers: {}, enforced: false })
  const id = 'id' in answer ? answer.id : undefined
  expect((await streamedDecision(bus, id)).record).toMatchObject({ ...DENIED, protocol: 'nats' })
})
