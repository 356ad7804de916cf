import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { ask } from '@verdict/bus'
import { type CheckAnswer, type CheckQuery, type Identity, subjects } from '@verdict/contract'
import {
  type CheckClient,
  type DecisionPoint,
  type IdentityResponder,
  remembered,
  sendHttp,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamedDecision,
  type TestBus,
} from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unary } from './raw-client.ts'

/** One decision point on a real bus, asked over each protocol. */

const POLICIES = {
  'authz.rego': `package envoy.authz

default allow := {"allowed": false, "reason": "no_rule"}

allow := {
	"allowed": true,
	"reason": "readable",
	"headers": {"x-verdict-principal": input.identity.subject},
	"response_headers_to_add": {"x-served": ["a", "b"]},
	"request_headers_to_remove": ["cookie"],
} if {
	input.attributes.request.http.method == "GET"
	input.parsed_path[0] == "orders"
	input.identity.status == "verified"
}

allow := {"allowed": false, "http_status": 404, "body": json.marshal(input)} if {
	input.parsed_path[0] == "echo"
}

allow := {
	"allowed": false,
	"http_status": 429,
	"headers": {"retry-after": "7", "content-length": "99"},
	"body": "später",
	"reason": "zu viel –",
} if {
	input.parsed_path[0] == "limited"
}

allow := input.parsed_path[1] if input.parsed_path[0] == "broken"

allow := {"allowed": false, "headers": {"x-name": "Zoë 😀"}} if input.parsed_path[0] == "letters"

allow if input.parsed_path[0] == "conflict"

allow := false if input.parsed_path[0] == "conflict"
`,
}

const ALICE: Identity = {
  status: 'verified',
  subject: 'alice',
  issuer: 'https://issuer.test',
  claims: { roles: ['customer'] },
}

let bus: TestBus
let authn: IdentityResponder
let point: DecisionPoint
let client: CheckClient
const resources = new AsyncDisposableStack()

beforeAll(async () => {
  bus = resources.use(await startBus())
  authn = resources.use(
    await startIdentityResponder(bus, ({ authorization }) => {
      if (authorization === 'Bearer expired') {
        return remembered({ status: 'invalid', reason: 'expired' })
      }
      if (authorization === 'Bearer fault') {
        return { error: { code: 'key_set_unavailable', message: 'the issuer is down' } }
      }
      return remembered(authorization === undefined ? { status: 'anonymous' } : ALICE)
    }),
  )
  point = resources.use(await startDecisionPoint({ bus, policies: POLICIES }))
  client = resources.use(point.client())
})

afterAll(async () => {
  await resources.disposeAsync()
})

const TOKEN = { authorization: 'Bearer alice' }

function envoy(http: object, attributes: object = {}): object {
  return { ...attributes, request: { http: { method: 'GET', host: 'shop.example', ...http } } }
}

async function overNats(query: CheckQuery): Promise<CheckAnswer> {
  const connection = await bus.connect('client')
  const payload = Buffer.from(JSON.stringify(query))
  const reply = await ask(connection, subjects.check, payload, { timeoutMs: 5_000 })
  return JSON.parse(Buffer.from(reply).toString()) as CheckAnswer
}

function idOf(metadata: { fields: Record<string, { stringValue?: string }> } | null): string {
  return metadata?.fields['decision_id']?.stringValue ?? ''
}

test('Envoy is told to let a request through, and all of its record is in the stream', async () => {
  const socket = (address: string, port_value: number) => ({
    address: { socket_address: { address, port_value } },
  })
  const peers = {
    source: { ...socket('10.0.0.7', 40111), principal: 'spiffe://td/ns/shop/sa/web' },
    destination: { ...socket('10.0.0.9', 8080), principal: 'spiffe://td/ns/shop/sa/orders' },
  }
  const headers = { ...TOKEN, 'x-request-id': 'r-1', 'x-verdict-role': 'admin' }
  const http = { path: '/orders/1?token=secret', scheme: 'https', headers }
  const before = Date.now()
  const answer = await client.check(envoy(http, peers))
  expect(answer).toMatchObject({
    status: {},
    ok_response: {
      headers: [
        {
          header: { key: 'x-verdict-principal', value: 'alice' },
          append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
        },
      ],
      headers_to_remove: ['cookie', 'x-verdict-role'],
      response_headers_to_add: [
        { header: { key: 'x-served', value: 'a' } },
        { header: { key: 'x-served', value: 'b' } },
      ],
    },
  })
  const id = idOf(answer.dynamic_metadata)
  const record = (await streamedDecision(bus, id)).record
  const { time, durationUs, instance, epoch, n, policy, ...rest } = record
  expect(rest).toEqual({
    destination: {
      address: '10.0.0.9:8080',
      namespace: 'shop',
      principal: 'spiffe://td/ns/shop/sa/orders',
      service: 'orders',
    },
    id,
    identity: { issuer: 'https://issuer.test', status: 'verified', subject: 'alice' },
    outcome: 'allow',
    principal: 'alice',
    protocol: 'envoy-grpc',
    reason: 'readable',
    request: {
      host: 'shop.example',
      id: 'r-1',
      method: 'GET',
      path: '/orders/1',
      scheme: 'https',
    },
    source: { address: '10.0.0.7', principal: 'spiffe://td/ns/shop/sa/web' },
    status: 200,
    v: 1,
  })
  expect(policy).toEqual({
    entrypoint: 'envoy/authz/allow',
    input: expect.stringContaining('"path":"/orders/1?token=secret"'),
    revision: expect.stringMatching(/^[0-9a-f]{64}$/),
    units: expect.any(Number),
  })
  expect(policy.input).not.toContain(TOKEN.authorization)
  expect(Date.parse(time)).toBeGreaterThanOrEqual(before)
  expect(Date.parse(time)).toBeLessThanOrEqual(Date.now())
  expect(durationUs).toBeGreaterThan(0)
  expect(instance).toMatch(/^authz-[0-9a-f]{8}$/)
  expect(epoch).toBeGreaterThan(before - 60_000)
  expect(n).toBeGreaterThan(0)
})

test('a gateway is told by status and headers, and its record says so', async () => {
  const answer = await sendHttp(point.process.url('/check/orders/1'), {
    headers: { ...TOKEN, host: 'shop.example', 'x-verdict-decision-id': 'forged' },
  })
  expect(answer.status).toBe(200)
  expect(answer.headers).toMatchObject({
    'x-verdict-principal': 'alice',
    'x-verdict-reason': 'readable',
    'x-served': 'a, b',
    'x-envoy-auth-headers-to-remove': 'cookie, x-verdict-decision-id',
  })
  const record = (await streamedDecision(bus, String(answer.headers['x-verdict-decision-id'])))
    .record
  expect(record).toMatchObject({
    protocol: 'http',
    outcome: 'allow',
    status: 200,
    request: { method: 'GET', path: '/orders/1', host: 'shop.example' },
    source: { address: '127.0.0.1' },
    destination: { service: 'shop.example' },
  })
})

test('a caller over NATS is told, and its record says so', async () => {
  const destination = { namespace: 'shop', service: 'orders' }
  const answer = await overNats({ method: 'GET', path: '/orders/1', headers: TOKEN, destination })
  expect(answer).toMatchObject({
    outcome: 'allow',
    reason: 'readable',
    status: 200,
    headers: { 'x-verdict-principal': 'alice' },
  })
  const record = (await streamedDecision(bus, 'id' in answer ? answer.id : undefined)).record
  expect(record).toMatchObject({ protocol: 'nats', destination, principal: 'alice' })
})

test('a denial has the status, headers and body of the policy', async () => {
  const grpc = await client.check(envoy({ path: '/limited' }))
  expect(grpc).toMatchObject({
    status: { code: 7 },
    denied_response: { status: { code: 'TooManyRequests' }, body: 'später' },
  })
  const http = await sendHttp(point.process.url('/check/limited'))
  expect(http).toMatchObject({ status: 429, body: 'später' })
  // The length is ours to say, and a header holds no other characters.
  expect(http.headers).toMatchObject({ 'retry-after': '7', 'content-length': '7' })
  expect(http.headers['x-verdict-reason']).toBe('zu viel ?')
  const record = (await streamedDecision(bus, String(http.headers['x-verdict-decision-id']))).record
  expect(record).toMatchObject({ outcome: 'deny', status: 429, reason: 'zu viel –' })
})

test('the same request has the same input over every protocol', async () => {
  const path = '/echo//a%2fb/%C3%BC?x=1&x=2&y=%20'
  const headers = { ...TOKEN, 'content-type': 'text/plain', 'x-a': '1' }
  const grpc = await client.check(
    envoy({ path, headers, scheme: 'http', size: -1, protocol: 'HTTP/1.1' }),
  )
  const http = await sendHttp(point.process.url(`/check${path}`), {
    headers: { ...headers, host: 'shop.example' },
  })
  const nats = await overNats({
    method: 'GET',
    path,
    host: 'shop.example',
    scheme: 'http',
    headers,
  })
  expect(http.status).toBe(404)
  const [first, ...others] = [
    grpc.denied_response?.body,
    http.body,
    'body' in nats ? nats.body : undefined,
  ].map((body) => comparable(body ?? ''))
  expect(first).toMatchObject({
    identity: ALICE,
    parsed_path: ['echo', '', 'a', 'b', 'ü'],
    parsed_query: { x: ['1', '2'], y: [' '] },
    version: { encoding: 'protojson', ext_authz: 'v3' },
  })
  for (const other of others) expect(other).toEqual(first)
})

/** The input without what belongs to the question rather than to the request. */
function comparable(body: string): object {
  const { attributes, ...input } = JSON.parse(body)
  const { size, protocol, ...http } = attributes.request.http
  return { ...input, http }
}

test('gateways name the request in headers, with any method', async () => {
  const forwarded = await sendHttp(point.process.url('/check'), {
    method: 'PURGE',
    headers: {
      'x-forwarded-method': 'PURGE',
      'x-forwarded-uri': '/echo?a=1',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.9',
    },
  })
  expect(JSON.parse(forwarded.body)).toMatchObject({
    attributes: {
      source: { address: { socketAddress: { address: '203.0.113.9' } } },
      request: {
        http: { method: 'PURGE', path: '/echo?a=1', host: 'shop.example', scheme: 'https' },
      },
    },
  })
  const original = await sendHttp(point.process.url('/check'), {
    headers: { ...TOKEN, 'x-original-method': 'GET', 'x-original-uri': '/orders' },
  })
  expect(original.status).toBe(200)
  const head = await sendHttp(point.process.url('/check/orders'), {
    method: 'HEAD',
    headers: TOKEN,
  })
  expect(head.status).toBe(403)
})

test('a question that can be read in two ways is no question', async () => {
  const headers = { 'x-original-uri': '/orders', 'x-original-method': 'GET' }
  const answer = await sendHttp(point.process.url('/check'), {
    headers: { ...headers, 'x-forwarded-uri': '/orders', 'x-forwarded-method': 'GET' },
  })
  expect(answer.status).toBe(400)
  expect(JSON.parse(answer.body).error.code).toBe('question_malformed')
})

test('what can not be read is denied with 400, on record, over every protocol', async () => {
  const body = 'request_parse_error: invalid URL escape "%zz"'
  const grpc = await client.check(envoy({ path: '/%zz' }))
  expect(grpc).toMatchObject({
    status: { code: 7, message: body },
    denied_response: { status: { code: 'BadRequest' }, body },
  })
  const http = await sendHttp(point.process.url('/check/%zz'))
  expect(http).toMatchObject({ status: 400, body })
  expect(await overNats({ method: 'GET', path: '/%zz' })).toMatchObject({
    outcome: 'deny',
    status: 400,
    body,
  })
  const record = (await streamedDecision(bus, String(http.headers['x-verdict-decision-id']))).record
  expect(record).toMatchObject({ outcome: 'deny', status: 400, reason: body, policy: {} })
})

test('the bearer of a bad token is challenged over every protocol', async () => {
  const headers = { authorization: 'Bearer expired' }
  const challenge = 'Bearer error="invalid_token", error_description="the token is expired"'
  const grpc = await client.check(envoy({ path: '/orders', headers }))
  expect(grpc).toMatchObject({
    status: { code: 16 },
    denied_response: {
      status: { code: 'Unauthorized' },
      headers: expect.arrayContaining([{ header: { key: 'www-authenticate', value: challenge } }]),
    },
  })
  const http = await sendHttp(point.process.url('/check/orders'), { headers })
  expect(http.status).toBe(401)
  expect(http.headers).toMatchObject({
    'www-authenticate': challenge,
    'x-verdict-reason': 'expired',
  })
  const nats = await overNats({ method: 'GET', path: '/orders', headers })
  expect(nats).toMatchObject({ outcome: 'unauthenticated', status: 401, reason: 'expired' })
  const record = (await streamedDecision(bus, idOf(grpc.dynamic_metadata))).record
  expect(record).toMatchObject({
    outcome: 'unauthenticated',
    reason: 'expired',
    status: 401,
    principal: 'anonymous',
    identity: { status: 'invalid', reason: 'expired' },
  })
})

test.each([
  ['a decision of no known form', { path: '/broken/x' }, 'decision_invalid', 500],
  ['a policy that contradicts itself', { path: '/conflict' }, 'policy_failed', 500],
  [
    'a fault of authn',
    { path: '/orders', headers: { authorization: 'Bearer fault' } },
    'identity_unavailable',
    503,
  ],
])('%s is a fault over every protocol, never a denial', async (_name, http, code, status) => {
  const { path, headers = {} } = http as { path: string; headers?: Record<string, string> }
  await expect(client.check(envoy(http))).rejects.toMatchObject({
    code: 14,
    details: expect.stringMatching(`^${code}: `),
  })
  const answer = await sendHttp(point.process.url(`/check${path}`), { headers })
  expect(answer.status).toBe(status)
  expect(JSON.parse(answer.body).error.code).toBe(code)
  const nats = await overNats({ method: 'GET', path, headers })
  expect(nats).toMatchObject({ error: { code } })
  const record = (await streamedDecision(bus, String(answer.headers['x-verdict-decision-id'])))
    .record
  expect(record).toMatchObject({ outcome: 'error', reason: code, status })
})

test('a remembered identity needs no message to authn', async () => {
  const headers = { authorization: 'Bearer once' }
  const before = authn.asked.length
  for (let i = 0; i < 20; i++) await client.check(envoy({ path: '/orders', headers }))
  expect(authn.asked.slice(before)).toEqual([{ authorization: 'Bearer once' }])
})

test('a body belongs to the request that is asked about, whatever its type', async () => {
  const answer = await fetch(point.process.url('/check/echo'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"a":[1]}',
  })
  const input = (await answer.json()) as { parsed_body: unknown }
  expect(input.parsed_body).toEqual({ a: [1] })
  const bytes = await fetch(point.process.url('/check/echo'), {
    method: 'POST',
    headers: { 'content-type': 'image/png' },
    body: new Uint8Array([0xff, 0x00]),
  })
  expect(await bytes.json()).toMatchObject({
    attributes: { request: { http: { rawBody: '/wA=' } } },
    parsed_body: null,
  })
})

test.each(['GET', 'PUT', 'PROPFIND'])(
  'the body of a %s is seen, under any content type',
  async (method) => {
    const lines = ['content-type: ;;;', 'content-length: 3', '', 'abc']
    const answer = await overSocket(`${method} /check/echo`, lines)
    expect(answer).toMatch(/^HTTP\/1.1 404 /)
    const http = { method, body: 'abc', headers: { 'content-type': ';;;' } }
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
      attributes: { request: { http } },
    })
  },
)

test('what is larger than may be is refused', async () => {
  const bytes = 5 * 1024 * 1024
  const http = await overSocket('POST /check/echo', [`content-length: ${bytes}`, '', ''])
  expect(http).toMatch(/^HTTP\/1.1 413 /)
  const body = 'x'.repeat(bytes)
  await expect(client.check(envoy({ path: '/echo', body }))).rejects.toMatchObject({ code: 8 })
})

/** The answer to a request as it is written, without a library in between. */
async function overSocket(request: string, lines: readonly string[]): Promise<string> {
  const socket = connect(point.process.port, '127.0.0.1')
  const all = [`${request} HTTP/1.1`, 'host: shop.example', 'connection: close', ...lines]
  socket.write(all.join('\r\n'))
  return await text(socket)
}

test('a body as deep as may be is decided, a deeper one is denied', async () => {
  const headers = { 'content-type': 'application/json' }
  const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}0${'}]'.repeat(depth / 2)}`
  const deep = await client.check(envoy({ path: '/echo', headers, body: nested(512) }))
  expect(deep.denied_response?.status.code).toBe('NotFound')
  const deeper = await client.check(envoy({ path: '/echo', headers, body: nested(100_000) }))
  expect(deeper.denied_response?.body).toBe('request_parse_error: exceeded max depth')
})

test('readiness names what a decision rests on', async () => {
  const { status, checks } = await point.readiness()
  expect(status).toBe('ready')
  expect(Object.keys(checks).toSorted()).toEqual([
    'bus',
    'journal',
    'lifecycle',
    'policy',
    'shipping',
  ])
})

test('the metrics count decisions by outcome and protocol, faults by code', async () => {
  const decisions = 'verdict_decisions_total{outcome="allow",protocol="envoy-grpc"}'
  const before = await point.metric(decisions)
  await client.check(envoy({ path: '/orders', headers: TOKEN }))
  expect(await point.metric(decisions)).toBe(before + 1)
  const fault = 'verdict_decision_faults_total{code="decision_invalid",protocol="http"}'
  expect(await point.metric(fault)).toBeGreaterThan(0)
  const durations = 'verdict_decision_duration_seconds_count{protocol="envoy-grpc"}'
  expect(await point.metric(durations)).toBeGreaterThan(0)
  expect(await point.metric('verdict_journal_commits')).toBeGreaterThan(0)
  expect(await point.metric('verdict_identity_cache_total{result="hit"}')).toBeGreaterThan(0)
})

test('a header of the policy goes out as it is, in whatever letters', async () => {
  const answer = await sendHttp(point.process.url('/check/letters'))
  expect(Buffer.from(String(answer.headers['x-name']), 'latin1').toString('utf8')).toBe('Zoë 😀')
  const grpc = await client.check(envoy({ path: '/letters' }))
  expect(grpc.denied_response).toMatchObject({
    headers: [{ header: { key: 'x-name', value: 'Zoë 😀' } }],
  })
})

test('a message that is no question is refused, and counted', async () => {
  const refused = 'verdict_questions_refused_total{protocol="envoy-grpc"}'
  const before = await point.metric(refused)
  await expect(unary(point.grpcPort, Buffer.from([0x0a, 0x7f]))).rejects.toMatchObject({ code: 3 })
  expect(await point.metric(refused)).toBe(before + 1)
})
