import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { ask } from '@verdict/bus'
import { type CheckAnswer, subjects } from '@verdict/contract'
import {
  type CheckClient,
  type DecisionPoint,
  sendHttp,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamedDecision,
  type TestBus,
} from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** A decision point with a choice of its own, asked over each protocol. */

const POLICIES = {
  'authz.rego': `package envoy.authz

allow := {"allowed": true, "headers": {"x-ambiguities": json.marshal(ambiguities)}}

ambiguities := object.get(input, "ambiguities", "none")
`,
}

let bus: TestBus
let point: DecisionPoint
let client: CheckClient
const resources = new AsyncDisposableStack()

beforeAll(async () => {
  bus = resources.use(await startBus())
  resources.use(await startIdentityResponder(bus))
  const settings = { VERDICT_AUTHZ_AMBIGUITIES: 'double_encoding=refuse' }
  point = resources.use(await startDecisionPoint({ bus, policies: POLICIES, settings }))
  client = resources.use(point.client())
})

afterAll(async () => {
  await resources.disposeAsync()
})

async function overGrpc(path: string, context_extensions: Record<string, string> = {}) {
  const http = { method: 'GET', host: 'shop.example', path }
  return await client.check({ request: { http }, context_extensions })
}

async function overNats(path: string): Promise<CheckAnswer> {
  const connection = await bus.connect('client')
  const payload = Buffer.from(JSON.stringify({ method: 'GET', host: 'shop.example', path }))
  const reply = await ask(connection, subjects.check, payload, { timeoutMs: 5_000 })
  return JSON.parse(Buffer.from(reply).toString()) as CheckAnswer
}

/** With the target as it is, which a URL would resolve. */
async function overHttp(path: string) {
  const { hostname, port } = new URL(point.process.url('/'))
  const sent = request({ hostname, port, path }).end()
  const [answer] = await once(sent, 'response')
  const { statusCode: status, headers } = answer as IncomingMessage
  return { status, headers, body: await text(answer as IncomingMessage) }
}

function allowedWith(ambiguities: unknown): object {
  const header = { key: 'x-ambiguities', value: JSON.stringify(ambiguities) }
  return { status: {}, ok_response: { headers: [{ header }] } }
}

test.each([
  ['/a%00b', 'ambiguous_nul'],
  ['/a/%2e%2e/b', 'ambiguous_encoded_dot_segment'],
  ['/a%5cb', 'ambiguous_backslash'],
  ['/%ff', 'ambiguous_invalid_utf8'],
  ['/%252e', 'ambiguous_double_encoding'],
])('%s is denied with 400 as %s, on record, over every protocol', async (path, code) => {
  const counter = `verdict_ambiguities_total{kind="${code.slice(10)}",answer="refused"}`
  const before = await point.metric(counter)
  const body = expect.stringMatching(new RegExp(`^${code}: `))
  const grpc = await overGrpc(path)
  expect(grpc).toMatchObject({
    status: { code: 7 },
    denied_response: { status: { code: 'BadRequest' }, body },
  })
  const http = await overHttp(`/check${path}`)
  expect(http).toMatchObject({ status: 400, body })
  expect(http.headers['x-verdict-reason']).toBe(code)
  const headers = { 'x-original-uri': path, 'x-original-method': 'GET' }
  expect(await sendHttp(point.process.url('/check'), { headers })).toMatchObject({ status: 400 })
  const nats = await overNats(path)
  expect(nats).toMatchObject({ outcome: 'deny', status: 400, reason: code, body })
  const ids = [
    grpc.dynamic_metadata?.fields['decision_id']?.stringValue,
    String(http.headers['x-verdict-decision-id']),
    'id' in nats ? nats.id : undefined,
  ]
  for (const id of ids) {
    const { record } = await streamedDecision(bus, id)
    expect(record).toMatchObject({ outcome: 'deny', reason: code, status: 400, policy: {} })
  }
  expect(await point.metric(counter)).toBe(before + 4)
})

test('what is flagged is decided, and the policy is told; else it is told nothing', async () => {
  expect(await overGrpc('/a/../b//c')).toMatchObject(allowedWith(['dot_segment', 'empty_segment']))
  const http = await overHttp('/check/a/../b//c')
  expect(http.headers['x-ambiguities']).toBe('["dot_segment","empty_segment"]')
  expect(await overNats('/a/../b//c')).toMatchObject({
    outcome: 'allow',
    headers: { 'x-ambiguities': '["dot_segment","empty_segment"]' },
  })
  expect(await overGrpc('/a/b')).toMatchObject(allowedWith('none'))
})

test('a route of Envoy chooses for itself', async () => {
  const route = { 'verdict.ambiguities': 'backslash=flag,empty_segment=refuse,dot_segment=allow' }
  expect(await overGrpc('/a%5cb', route)).toMatchObject(allowedWith(['backslash']))
  expect(await overGrpc('/a/../b', route)).toMatchObject(allowedWith('none'))
  expect(await overGrpc('/a//b', route)).toMatchObject({ status: { code: 7 } })
  await expect(overGrpc('/a', { 'verdict.ambiguities': 'all' })).rejects.toMatchObject({
    code: 14,
    details: expect.stringMatching(/^route_invalid: /),
  })
})

test('no header of a client chooses', async () => {
  const headers = { 'verdict.ambiguities': 'all=allow' }
  const http = await sendHttp(point.process.url('/check/a%00b'), { headers })
  expect(http.status).toBe(400)
})

test('a raw path is read as UTF-8 by HTTP as by all others', async () => {
  const headers = {
    'x-original-uri': Buffer.from('/a／b').toString('latin1'),
    'x-original-method': 'GET',
  }
  const http = await sendHttp(point.process.url('/check'), { headers })
  expect(http.headers['x-ambiguities']).toBe('["lookalike"]')
  expect(await overGrpc('/a／b')).toMatchObject(allowedWith(['lookalike']))
})

test('a malformed choice is refused at the start', async () => {
  const settings = { VERDICT_AUTHZ_AMBIGUITIES: 'nul=maybe' }
  const options = { bus, policies: POLICIES, settings, waitUntilReady: false }
  await using refused = await startDecisionPoint(options)
  await expect(refused.process.waitUntilReady()).rejects.toThrow(/VERDICT_AUTHZ_AMBIGUITIES/)
})
