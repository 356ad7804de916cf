import { ask } from '@verdict/bus'
import { subjects } from '@verdict/contract'
import {
  type DecisionPoint,
  sendHttp,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  type TestBus,
} from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** A caller that can only overwrite a header gets what is to be there in the end. */

const POLICY = `package held

allow := {"allowed": true, "headers": {
	"x-there": {"value": ["1", "2"], "append_action": "append_if_exists_or_add"},
	"x-kept": {"value": "3", "append_action": "add_if_absent"},
	"x-not": {"value": "4", "append_action": "overwrite_if_exists"},
	"x-several": ["5", "6"],
}}
`
const HEADERS = { 'x-there': 'held', 'x-kept': 'held' }
const SETTLED = { 'x-there': 'held, 1, 2', 'x-several': '5, 6' }

let bus: TestBus
let point: DecisionPoint
const resources = new AsyncDisposableStack()

beforeAll(async () => {
  bus = resources.use(await startBus())
  resources.use(await startIdentityResponder(bus))
  const policies = { 'held.rego': POLICY }
  point = resources.use(await startDecisionPoint({ bus, policies, entrypoint: 'held/allow' }))
})

afterAll(async () => {
  await resources.disposeAsync()
})

test('over HTTP', async () => {
  const url = `http://127.0.0.1:${point.process.port}/check/a`
  const { status, headers } = await sendHttp(url, { headers: HEADERS })
  expect(status).toBe(200)
  expect(headers).toMatchObject(SETTLED)
  expect(headers).not.toHaveProperty('x-kept')
  expect(headers).not.toHaveProperty('x-not')
})

test('over NATS', async () => {
  const connection = await bus.connect('client')
  const payload = Buffer.from(JSON.stringify({ method: 'GET', path: '/a', headers: HEADERS }))
  const reply = await ask(connection, subjects.check, payload, { timeoutMs: 5_000 })
  expect(JSON.parse(Buffer.from(reply).toString())).toMatchObject({ outcome: 'allow', status: 200 })
  expect(JSON.parse(Buffer.from(reply).toString()).headers).toEqual(SETTLED)
})
