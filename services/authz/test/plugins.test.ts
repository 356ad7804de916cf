import type { Identity } from '@verdict/contract'
import {
  type DecisionPoint,
  remembered,
  sendHttp,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamedDecision,
  type TestBus,
} from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** A decision point that is asked as the OPA plugins of Kong and APISIX ask, and as Traefik asks. */

const POLICIES = {
  'authz.rego': `package envoy.authz

default allow := {"allowed": false, "reason": "no_rule"}

allow := {
	"allowed": true,
	"reason": "readable",
	"headers": {"X-Verdict-Principal": input.identity.subject, "x-roles": ["a", "b"]},
	"request_headers_to_remove": ["cookie"],
} if {
	input.attributes.request.http.method == "GET"
	input.parsed_path == ["orders", "1"]
	input.parsed_query.x == ["1"]
	input.identity.status == "verified"
}

allow := {
	"allowed": false,
	"http_status": 429,
	"headers": {"retry-after": "7", "content-length": "99"},
	"body": "später",
	"reason": "limited",
} if {
	input.parsed_path[0] == "limited"
}

allow if input.parsed_body.open == true

allow := "broken" if input.parsed_path[0] == "broken"
`,
}

const ALICE: Identity = { status: 'verified', subject: 'alice', issuer: 'https://issuer.test' }
const ENTRYPOINT = '/v1/data/envoy/authz/allow'

let bus: TestBus
let point: DecisionPoint
const resources = new AsyncDisposableStack()

beforeAll(async () => {
  bus = resources.use(await startBus())
  resources.use(
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
})

afterAll(async () => {
  await resources.disposeAsync()
})

interface Asked {
  readonly method?: string
  readonly path: string
  readonly query?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, unknown>>
  readonly body?: string
}

const GATEWAYS = {
  kong: ({ query, ...request }: Asked) => ({
    client_ip: '203.0.113.9',
    request: {
      http: { method: 'GET', scheme: 'http', host: 'shop.example', querystring: query, ...request },
    },
  }),
  apisix: (request: Asked) => ({
    type: 'http',
    var: { remote_addr: '203.0.113.9' },
    request: { method: 'GET', scheme: 'http', host: 'shop.example', ...request },
  }),
} as const

async function post(body: string, path = ENTRYPOINT) {
  const answer = await fetch(point.process.url(path), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  const answered = (await answer.json()) as {
    decision_id?: string
    result?: { allow: boolean; headers: Record<string, unknown> }
    code?: string
    message?: string
  }
  return { status: answer.status, ...answered }
}

async function ask(gateway: keyof typeof GATEWAYS, asked: Asked) {
  return await post(JSON.stringify({ input: GATEWAYS[gateway](asked) }))
}

const TOKEN = { authorization: 'Bearer alice' }

test.each(['kong', 'apisix'] as const)('%s is told to let a request through', async (gateway) => {
  const headers = { ...TOKEN, 'x-verdict-principal': 'mallory', 'x-verdict-role': 'admin' }
  const query = { x: '1' }
  const { status, decision_id, result } = await ask(gateway, { path: '/orders/1', query, headers })
  expect(status).toBe(200)
  expect(result).toEqual({
    allow: true,
    headers: {
      'x-verdict-principal': 'alice',
      'x-roles': ['a', 'b'],
      // The plugins can't remove a header.
      cookie: '',
      'x-verdict-role': '',
      'x-verdict-decision-id': decision_id,
    },
  })
  expect((await streamedDecision(bus, decision_id)).record).toMatchObject({
    protocol: 'http',
    outcome: 'allow',
    status: 200,
    reason: 'readable',
    principal: 'alice',
    source: { address: '203.0.113.9' },
    request: { method: 'GET', path: '/orders/1', host: 'shop.example', scheme: 'http' },
  })
})

test('a denial has status, headers and body in the form of the gateway', async () => {
  const kong = await ask('kong', { path: '/limited' })
  const headers = { 'retry-after': '7', 'x-verdict-decision-id': kong.decision_id }
  expect(kong.status).toBe(200)
  expect(kong.result).toEqual({ allow: false, status: 429, headers, message: 'später' })
  const apisix = await ask('apisix', { path: '/limited' })
  expect(apisix.result).toEqual({
    allow: false,
    status_code: 429,
    headers: { ...headers, 'x-verdict-decision-id': apisix.decision_id },
    reason: 'später',
  })
  const { record } = await streamedDecision(bus, apisix.decision_id)
  expect(record).toMatchObject({ outcome: 'deny', status: 429, reason: 'limited' })
})

test('a denial without a body leaves the text to Kong and tells APISIX the reason', async () => {
  expect((await ask('kong', { path: '/' })).result).not.toHaveProperty('message')
  expect((await ask('apisix', { path: '/' })).result).toMatchObject({ reason: 'no_rule' })
})

test.each(['kong', 'apisix'] as const)(
  'a bad token is 401 with a challenge: %s',
  async (gateway) => {
    const headers = { authorization: 'Bearer expired' }
    const { decision_id, result } = await ask(gateway, { path: '/orders/1', headers })
    expect(result).toMatchObject({
      allow: false,
      [gateway === 'kong' ? 'status' : 'status_code']: 401,
      headers: { 'www-authenticate': expect.stringMatching(/^Bearer error="invalid_token"/) },
    })
    const { record } = await streamedDecision(bus, decision_id)
    expect(record).toMatchObject({ outcome: 'unauthenticated', status: 401 })
  },
)

test.each(['kong', 'apisix'] as const)('a body that %s sends is read', async (gateway) => {
  const headers = { 'content-type': 'application/json' }
  const asked = { method: 'POST', path: '/', headers, body: '{"open":true}' }
  expect((await ask(gateway, asked)).result).toMatchObject({ allow: true })
})

test('a fault is an error without a result, and is on record', async () => {
  const broken = await ask('kong', { path: '/broken' })
  expect(broken).toMatchObject({ status: 500, code: 'decision_invalid' })
  const headers = { authorization: 'Bearer fault' }
  const unknown = await ask('apisix', { path: '/orders/1', headers })
  expect(unknown).toMatchObject({ status: 503, code: 'identity_unavailable' })
  for (const answer of [broken, unknown]) {
    expect(answer).toHaveProperty('message')
    expect(answer).not.toHaveProperty('result')
  }
})

test('only the rule that decides can be asked for', async () => {
  const body = JSON.stringify({ input: GATEWAYS.kong({ path: '/orders/1' }) })
  for (const path of ['/v1/data/envoy/authz', `${ENTRYPOINT}/reason`, '/v1/data/system/log']) {
    const answer = await post(body, path)
    expect(answer).toMatchObject({ status: 404, code: 'policy_path_unknown' })
    expect(answer).not.toHaveProperty('result')
  }
})

test('a malformed question is refused, and is no decision', async () => {
  for (const body of ['{', '{"input":{"user":"alice"}}']) {
    expect(await post(body)).toMatchObject({ status: 400, code: 'question_malformed' })
  }
  const refused = 'verdict_questions_refused_total{protocol="http"}'
  expect(await point.metric(refused)).toBe(2)
})

/** What Traefik's forwardAuth sends: a GET with the client's headers, and its own of the request. */
async function askAsTraefik(method: string, uri: string, headers: Record<string, string>) {
  return await sendHttp(point.process.url('/check'), {
    headers: {
      ...headers,
      'user-agent': 'curl/8.5.0',
      'x-forwarded-for': '198.51.100.1, 203.0.113.9',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-method': method,
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
      'x-forwarded-server': 'traefik-0',
      'x-forwarded-uri': uri,
      'x-real-ip': '203.0.113.9',
      'accept-encoding': 'gzip',
    },
  })
}

test('Traefik is told by status and headers', async () => {
  const allowed = await askAsTraefik('GET', '/orders/1?x=1', TOKEN)
  expect(allowed.status).toBe(200)
  expect(allowed.headers).toMatchObject({ 'x-verdict-principal': 'alice', 'x-roles': 'a, b' })
  const id = String(allowed.headers['x-verdict-decision-id'])
  expect((await streamedDecision(bus, id)).record).toMatchObject({
    outcome: 'allow',
    source: { address: '203.0.113.9' },
    request: { method: 'GET', path: '/orders/1', host: 'shop.example', scheme: 'https' },
  })
  const denied = await askAsTraefik('POST', '/limited', TOKEN)
  expect(denied).toMatchObject({ status: 429, body: 'später', headers: { 'retry-after': '7' } })
  const bad = await askAsTraefik('GET', '/orders/1', { authorization: 'Bearer expired' })
  expect(bad.status).toBe(401)
  expect(bad.headers['www-authenticate']).toMatch(/^Bearer error="invalid_token"/)
  const fault = await askAsTraefik('GET', '/orders/1', { authorization: 'Bearer fault' })
  expect(fault.status).toBe(503)
})
