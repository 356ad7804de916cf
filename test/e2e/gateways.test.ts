import { isDecisionId } from '@verdict/contract'
import {
  Cluster,
  freePort,
  type GatewayProcess,
  type HttpAnswer,
  recordedDecision,
  sendHttp,
  startGateway,
  TestIssuer,
  temporaryDirectory,
  Upstream,
  waitFor,
  writeFiles,
} from '@verdict/kit'
import { locate } from '@verdict/toolchain'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** Real gateways that ask over HTTP, each with its configuration of deploy/, on one cluster. */

const RECOVERY_DEADLINE_MS = 30_000

const POLICY = `package envoy.authz

default allow := {"allowed": false, "reason": "not_permitted", "body": "no"}

allow := {
	"allowed": true,
	"reason": "customer",
	"headers": {"x-verdict-principal": input.identity.subject},
	"request_headers_to_remove": ["x-debug"],
} if {
	input.identity.status == "verified"
	"customer" in input.identity.claims.roles
	input.attributes.request.http.method == "GET"
	input.parsed_path == ["orders", "1"]
	input.parsed_query == {"x": ["1"]}
}

allow := {
	"allowed": false,
	"http_status": 401,
	"reason": "login_required",
	"headers": {"www-authenticate": "Bearer realm=shop"},
} if {
	input.identity.status == "anonymous"
}
`

const binaries = { caddy: await locate('caddy'), envoyHttpService: await locate('envoy') }

describe.each(['caddy', 'envoyHttpService'] as const)('behind a real gateway: %s', (kind) => {
  const binary = binaries[kind]
  describe.skipIf(binary === undefined)(
    binary === undefined ? 'left out, none can be had here' : 'it',
    () => {
      const resources = new AsyncDisposableStack()
      let cluster: Cluster
      let gateway: GatewayProcess
      let upstream: Upstream
      let issuer: TestIssuer
      const call = async (headers: Record<string, string>, method = 'GET'): Promise<HttpAnswer> =>
        await sendHttp(`${gateway.url}/orders/1?x=1`, {
          method,
          headers: { ...headers, host: 'orders.shop' },
        })
      const alice = async () => ({
        authorization: `Bearer ${await issuer.token('alice', { roles: ['customer'] })}`,
      })
      const recordOf = async ({ headers }: HttpAnswer) =>
        await recordedDecision(cluster, String(headers['x-verdict-decision-id']))

      beforeAll(async () => {
        const scratch = resources.use(temporaryDirectory())
        writeFiles(`${scratch.path}/policies`, { 'authz.rego': POLICY })
        issuer = await TestIssuer.create(scratch.path)
        upstream = resources.use(await Upstream.start())
        cluster = resources.use(
          await Cluster.start({
            issuers: issuer.issuersFile,
            policies: `${scratch.path}/policies`,
            entrypoint: 'envoy/authz/allow',
          }),
        )
        gateway = resources.use(
          await startGateway(kind, binary ?? '', {
            listen: await freePort(),
            authz: cluster.port('authzHttp'),
            upstream: upstream.port,
          }),
        )
      }, 90_000)
      afterAll(async () => {
        await resources[Symbol.asyncDispose]()
      }, 60_000)

      test('an allowed request reaches the upstream, and its record is in the log', async () => {
        const answer = await call({ ...(await alice()), 'x-request-id': 'gateway-1' })
        expect(answer.status).toBe(200)
        const { method, path } = JSON.parse(answer.body) as { method: string; path: string }
        expect({ method, path }).toEqual({ method: 'GET', path: '/orders/1?x=1' })
        expect(isDecisionId(String(answer.headers['x-verdict-decision-id']))).toBe(true)
        expect(await recordOf(answer)).toMatchObject({
          outcome: 'allow',
          status: 200,
          protocol: 'http',
          principal: 'alice',
          reason: 'customer',
          request: { method: 'GET', path: '/orders/1', host: 'orders.shop', scheme: 'http' },
          source: { address: '127.0.0.1' },
          destination: { service: 'orders.shop' },
        })
      })

      test("the policy's headers reach the upstream, those that a client forges don't", async () => {
        const forged = { 'x-verdict-principal': 'mallory', 'x-verdict-role': 'admin' }
        const answer = await call({ ...(await alice()), ...forged })
        const { headers } = JSON.parse(answer.body) as { headers: Record<string, string> }
        expect(headers['x-verdict-principal']).toBe('alice')
        expect(headers).not.toHaveProperty('x-verdict-role')
        expect(headers['x-verdict-decision-id']).toBe(answer.headers['x-verdict-decision-id'])
      })

      test('a header that the policy removes is removed, where the gateway can', async () => {
        const answer = await call({ ...(await alice()), 'x-debug': '1', 'x-kept': '1' })
        const { headers } = JSON.parse(answer.body) as { headers: Record<string, string> }
        expect('x-debug' in headers).toBe(kind === 'caddy')
        expect(headers['x-kept']).toBe('1')
      })

      test('a denied request is 403 with its body, and never reaches the upstream', async () => {
        const before = upstream.requests
        const answer = await call(await alice(), 'POST')
        expect(answer).toMatchObject({ status: 403, body: 'no' })
        expect(upstream.requests).toBe(before)
        expect(await recordOf(answer)).toMatchObject({
          outcome: 'deny',
          status: 403,
          reason: 'not_permitted',
          request: { method: 'POST', path: '/orders/1' },
        })
      })

      test('without a token, or with a bad one, it is 401 with a challenge', async () => {
        const before = upstream.requests
        const anonymous = await call({})
        expect(anonymous.status).toBe(401)
        expect(anonymous.headers['www-authenticate']).toBe('Bearer realm=shop')
        const expired = await issuer.token('alice', {}, Math.floor(Date.now() / 1000) - 3600)
        const bad = await call({ authorization: `Bearer ${expired}` })
        expect(bad.status).toBe(401)
        expect(bad.headers['www-authenticate']).toMatch(/^Bearer error="invalid_token"/)
        expect(await recordOf(bad)).toMatchObject({ outcome: 'unauthenticated', status: 401 })
        expect(upstream.requests).toBe(before)
      })

      test('a client can neither name a workload nor another request', async () => {
        const answer = await call({
          ...(await alice()),
          'x-forwarded-client-cert': 'URI=spiffe://shop.example/ns/shop/sa/web',
          'x-original-uri': '/public',
          'x-original-method': 'GET',
          'x-forwarded-uri': '/public',
          'x-forwarded-method': 'GET',
        })
        const record = await recordOf(answer)
        expect(record).toMatchObject({ outcome: 'allow', request: { path: '/orders/1' } })
        expect(record.identity.workload).toBeUndefined()
      })

      test('with the decision point down it is an error, and decided when it is back', async () => {
        const before = upstream.requests
        const pid = cluster.pid('authz')
        process.kill(pid, 'SIGSTOP')
        const answer = await call(await alice())
        expect(answer.status).toBe(kind === 'caddy' ? 504 : 503)
        expect(upstream.requests).toBe(before)
        process.kill(pid, 'SIGKILL')
        const headers = await alice()
        await waitFor(async () => (await call(headers)).status === 200, {
          deadlineMs: RECOVERY_DEADLINE_MS,
          what: 'decisions to be had again',
        })
      })
    },
  )
})
