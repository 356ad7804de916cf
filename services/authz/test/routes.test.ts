import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask } from '@verdict/bus'
import { type CheckAnswer, subjects } from '@verdict/contract'
import {
  type CheckClient,
  type DecisionPoint,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamedDecision,
  type TestBus,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** A decision point with a file of routes, asked over each protocol. */

/** Each rule says which one it is, and what it was told. */
function policyOf(name: string): string {
  return `package shop.${name}

allow := {"allowed": false, "reason": "${name}", "body": json.marshal(told)}

told := {name: value | some name in ["route", "parsed_body", "truncated_body", "ambiguities"]; value := input[name]}
`
}

const POLICIES = {
  'web.rego': policyOf('web'),
  'admin.rego': policyOf('admin'),
  'orders.rego': policyOf('orders'),
  'later.rego': policyOf('later'),
  'further.rego': policyOf('further'),
}
const ADMIN = { name: 'admin', path: '/admin/*', entrypoint: 'shop/admin/allow' }
const ORDERS = {
  host: 'orders.shop.example',
  path: '/orders/*',
  methods: ['POST'],
  entrypoint: 'shop/orders/allow',
  skip_body: true,
  ambiguities: 'empty_segment=refuse',
}

let bus: TestBus
let point: DecisionPoint
let client: CheckClient
let routesFile: string
const resources = new AsyncDisposableStack()

function writeRoutes(text: string | readonly object[], file = routesFile): void {
  const content = typeof text === 'string' ? text : JSON.stringify({ routes: text })
  writeFileSync(`${file}.part`, content)
  renameSync(`${file}.part`, file)
}

beforeAll(async () => {
  bus = resources.use(await startBus())
  resources.use(await startIdentityResponder(bus))
  routesFile = join(resources.use(temporaryDirectory()).path, 'routes.json')
  writeRoutes([ADMIN, ORDERS])
  point = resources.use(
    await startDecisionPoint({
      bus,
      policies: POLICIES,
      entrypoint: 'shop/web/allow',
      settings: {
        VERDICT_AUTHZ_ROUTES: routesFile,
        VERDICT_AUTHZ_ENTRYPOINTS: 'shop/further/allow',
      },
    }),
  )
  client = resources.use(point.client())
})

afterAll(async () => {
  await resources.disposeAsync()
})

interface Asked {
  readonly method?: string
  readonly path: string
  readonly host?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

async function overGrpc(asked: Asked, context_extensions: Record<string, string> = {}) {
  const http = { method: 'GET', host: 'shop.example', ...asked }
  const answer = await client.check({ request: { http }, context_extensions })
  const id = answer.dynamic_metadata?.fields['decision_id']?.stringValue
  const { record } = await streamedDecision(bus, id)
  return { record, told: answer.denied_response?.body ?? '' }
}

async function overNats(path: string): Promise<CheckAnswer> {
  const connection = await bus.connect('client')
  const payload = Buffer.from(JSON.stringify({ method: 'GET', host: 'shop.example', path }))
  const reply = await ask(connection, subjects.check, payload, { timeoutMs: 5_000 })
  return JSON.parse(Buffer.from(reply).toString()) as CheckAnswer
}

async function overData(rule: string, path: string) {
  const http = { method: 'GET', scheme: 'http', host: 'shop.example', path, headers: {} }
  const answer = await fetch(point.process.url(`/v1/data/${rule}`), {
    method: 'POST',
    body: JSON.stringify({ input: { request: { http } } }),
  })
  const { decision_id, code } = (await answer.json()) as { decision_id?: string; code?: string }
  if (decision_id === undefined) return { status: answer.status, code }
  return { reason: (await streamedDecision(bus, decision_id)).record.reason }
}

async function decidedBy(name: string, path: string): Promise<void> {
  await waitFor(async () => (await overGrpc({ path })).record.reason === name, {
    deadlineMs: 30_000,
    what: `${path} to be decided by ${name}`,
  })
}

test('host, path and method lead to a rule, which is on record and told to the policy', async () => {
  const admin = await overGrpc({ path: '/admin/users' })
  expect(admin.record).toMatchObject({
    reason: 'admin',
    policy: { entrypoint: 'shop/admin/allow' },
  })
  expect(JSON.parse(admin.told)).toEqual({
    route: { name: 'admin' },
    parsed_body: null,
    truncated_body: false,
  })
  const order = { path: '/orders/1', host: 'orders.shop.example:8080' }
  const json = { headers: { 'content-type': 'application/json' }, body: '{"a":1}' }
  const posted = await overGrpc({ ...order, ...json, method: 'POST' })
  expect(posted.record.policy.entrypoint).toBe('shop/orders/allow')
  // Neither `parsed_body` nor `truncated_body`: the plugin with skip-request-body-parse.
  expect(JSON.parse(posted.told)).toEqual({ route: {} })
  const read = await overGrpc({ ...order, ...json })
  expect(read.record.policy.entrypoint).toBe('shop/web/allow')
  expect(JSON.parse(read.told)).toEqual({ parsed_body: { a: 1 }, truncated_body: false })
})

test('the route is the same over every protocol', async () => {
  for (const path of ['/admin/users', '/%61dmin/users', '//admin/users']) {
    expect((await overGrpc({ path })).record.reason).toBe('admin')
    expect(await overNats(path)).toMatchObject({ reason: 'admin' })
    const http = await fetch(point.process.url(`/check${path}`), { method: 'GET' })
    expect(http.headers.get('x-verdict-reason')).toBe('admin')
    expect(await overData('shop/web/allow', path)).toEqual({ reason: 'admin' })
  }
})

test('what is read in two ways, with a route for each, is refused over every protocol', async () => {
  const path = '/public/%252e%252e/admin/users'
  const reason = 'ambiguous_double_encoding'
  const { record } = await overGrpc({ path })
  expect(record).toMatchObject({ outcome: 'deny', reason, status: 400, policy: {} })
  expect(record.ambiguities).toEqual(['double_encoding'])
  expect(await overNats(path)).toMatchObject({ reason, status: 400 })
  expect((await fetch(point.process.url(`/check${path}`))).status).toBe(400)
  expect(await overData('shop/web/allow', path)).toEqual({ reason })
})

test('a route chooses what is done about ambiguities', async () => {
  const order = { method: 'POST', host: 'orders.shop.example' }
  const refused = await overGrpc({ ...order, path: '/orders//1' })
  expect(refused.record).toMatchObject({ reason: 'ambiguous_empty_segment', status: 400 })
  const flagged = await overGrpc({ ...order, path: '/orders/1;a=b' })
  expect(flagged.record).toMatchObject({ reason: 'orders', ambiguities: ['path_parameter'] })
  expect((await overGrpc({ path: '/orders//1' })).record.reason).toBe('web')
  const plain = await overGrpc({ path: '/orders/1' })
  expect(plain.record).not.toHaveProperty('ambiguities')
})

test("a route of Envoy's names the rule; one that is not built is a fault", async () => {
  const named = { 'verdict.entrypoint': 'shop/further/allow' }
  const { record, told } = await overGrpc({ path: '/admin/users' }, named)
  expect(record).toMatchObject({ reason: 'further', policy: { entrypoint: 'shop/further/allow' } })
  expect(JSON.parse(told)).not.toHaveProperty('route')
  await expect(
    overGrpc({ path: '/' }, { 'verdict.entrypoint': 'shop/later/allow' }),
  ).rejects.toMatchObject({
    code: 14,
    details: expect.stringMatching(/^route_invalid: .*VERDICT_AUTHZ_ENTRYPOINTS/),
  })
})

test('a gateway asks for a rule that is built, and for no other', async () => {
  expect(await overData('shop/further/allow', '/admin/users')).toEqual({ reason: 'further' })
  expect(await overData('shop/admin/allow', '/')).toEqual({ reason: 'admin' })
  const unknown = await overData('shop/later/allow', '/')
  expect(unknown).toEqual({ status: 404, code: 'policy_path_unknown' })
})

test('no header of a client names a rule', async () => {
  const headers = { 'verdict.entrypoint': 'shop/further/allow' }
  expect((await overGrpc({ path: '/', headers })).record.reason).toBe('web')
})

test('routes are followed: a change holds once its rules are built, a bad one changes nothing', async () => {
  writeRoutes([ADMIN, { path: '/later/*', entrypoint: 'shop/later/allow' }])
  await decidedBy('later', '/later/x')
  expect((await overGrpc({ path: '/admin/x' })).record.reason).toBe('admin')

  const saysRefused = async (what: string) =>
    await waitFor(
      async () => (await point.readiness()).checks['policy']?.detail.includes(what) === true,
      { deadlineMs: 30_000, what: `readiness to tell ${what}` },
    )
  writeRoutes('{"routes": [{"path": 1}, {')
  await saysRefused('it is no JSON')
  rmSync(routesFile)
  await saysRefused('ENOENT')
  expect((await point.readiness()).status).toBe('ready')
  expect((await overGrpc({ path: '/later/x' })).record.reason).toBe('later')

  // A rule that is not there yet: the routes hold as soon as it is.
  writeRoutes([{ path: '/later/*', entrypoint: 'shop/missing/allow' }])
  await saysRefused('shop/missing')
  expect((await overGrpc({ path: '/later/x' })).record.reason).toBe('later')
  point.write({ 'missing.rego': policyOf('missing') })
  await decidedBy('missing', '/later/x')
  expect((await overGrpc({ path: '/admin/x' })).record.reason).toBe('web')
})

test('a start with routes that are no routes says all that is wrong with them', async () => {
  const file = `${routesFile}.bad`
  writeRoutes([{ path: 'admin', entrypoint: 'x' }, { hosts: 'a' }], file)
  await using refused = await startDecisionPoint({
    bus,
    policies: POLICIES,
    entrypoint: 'shop/web/allow',
    settings: { VERDICT_AUTHZ_ROUTES: file },
    waitUntilReady: false,
  })
  await expect(refused.process.waitUntilReady()).rejects.toThrow(
    /routes\[0\]\.path.*routes\[0\]\.entrypoint.*routes\[1\]\.hosts.*routes\[1\]\.entrypoint/,
  )
})

test('bodies stay unread where the setting says so', async () => {
  await using skipping = await startDecisionPoint({
    bus,
    policies: POLICIES,
    entrypoint: 'shop/web/allow',
    settings: { VERDICT_AUTHZ_SKIP_BODY_PARSE: 'true' },
  })
  using asking = skipping.client()
  const headers = { 'content-type': 'application/json' }
  const answer = await asking.check({
    request: { http: { method: 'POST', path: '/', headers, body: '{' } },
  })
  expect(answer.denied_response?.body).toBe('{}')
})
