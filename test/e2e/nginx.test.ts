import { isDecisionId } from '@verdict/contract'
import {
  Cluster,
  freePort,
  type GatewayProcess,
  type HttpAnswer,
  nginxBinary,
  recordedDecision,
  sendHttp,
  startNginx,
  TestIssuer,
  temporaryDirectory,
  Upstream,
  waitFor,
} from '@verdict/kit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** A real nginx with deploy/nginx/nginx.conf (auth_request) in front of a real upstream. */

const RECOVERY_DEADLINE_MS = 30_000

interface CallOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
}

function decisionId(answer: HttpAnswer): string {
  return String(answer.headers['x-verdict-decision-id'] ?? '')
}

const without = nginxBinary() === undefined ? ': left out, none is installed' : ''

describe.skipIf(without !== '')(`behind a real nginx${without}`, () => {
  const resources = new AsyncDisposableStack()
  let cluster: Cluster
  let nginx: GatewayProcess
  let upstream: Upstream
  let issuer: TestIssuer
  /** The host names the service: `/orders/1` goes to the virtual host orders.shop. */
  const call = async (path: string, { method = 'GET', headers }: CallOptions = {}) =>
    await sendHttp(`${nginx.url}${path}`, {
      method,
      headers: { ...headers, host: `${path.split('/')[1]}.shop` },
    })
  const as = async (user: string, roles: string[]) => ({
    authorization: `Bearer ${await issuer.token(user, { roles })}`,
  })

  beforeAll(async () => {
    const scratch = resources.use(temporaryDirectory())
    issuer = await TestIssuer.create(scratch.path)
    upstream = resources.use(await Upstream.start())
    cluster = resources.use(await Cluster.start({ issuers: issuer.issuersFile }))
    nginx = resources.use(
      await startNginx({
        listen: await freePort(),
        authz: cluster.port('authzHttp'),
        upstream: upstream.port,
      }),
    )
  }, 90_000)
  afterAll(async () => {
    await resources[Symbol.asyncDispose]()
  }, 60_000)

  test('an allowed request reaches the upstream with the identity that we vouch for', async () => {
    const answer = await call('/orders/1?x=1', {
      headers: {
        ...(await as('alice', ['customer'])),
        'x-verdict-principal': 'mallory',
        'x-request-id': 'nginx-1',
      },
    })
    expect(answer.status).toBe(200)
    const body = JSON.parse(answer.body) as { path: string; headers: Record<string, string> }
    expect(body.path).toBe('/orders/1?x=1')
    expect(body.headers['x-verdict-principal']).toBe('alice')
    const id = decisionId(answer)
    expect(isDecisionId(id)).toBe(true)
    const record = await recordedDecision(cluster, id)
    expect(record).toMatchObject({
      id,
      outcome: 'allow',
      status: 200,
      protocol: 'http',
      principal: 'alice',
      identity: { status: 'verified', subject: 'alice' },
      request: { method: 'GET', path: '/orders/1', scheme: 'http', id: 'nginx-1' },
      source: { address: '127.0.0.1' },
      destination: { service: 'orders.shop' },
    })
  })

  test('a denied request is 403 and never reaches the upstream', async () => {
    const before = upstream.requests
    const answer = await call('/payments/1/refund', {
      method: 'POST',
      headers: await as('alice', ['customer']),
    })
    expect(answer.status).toBe(403)
    expect(upstream.requests).toBe(before)
    const record = await recordedDecision(cluster, decisionId(answer))
    expect(record).toMatchObject({
      outcome: 'deny',
      status: 403,
      principal: 'alice',
      request: { method: 'POST', path: '/payments/1/refund' },
    })
  })

  test('a bad token is 401 with a challenge', async () => {
    const expired = await issuer.token('alice', {}, Math.floor(Date.now() / 1000) - 3600)
    const answer = await call('/orders/1', { headers: { authorization: `Bearer ${expired}` } })
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer .*error="invalid_token"/)
    const record = await recordedDecision(cluster, decisionId(answer))
    expect(record).toMatchObject({
      outcome: 'unauthenticated',
      status: 401,
      identity: { status: 'invalid', reason: 'expired' },
    })
  })

  test('a client cannot name a workload through headers', async () => {
    const xfcc = 'URI=spiffe://shop.example/ns/shop/sa/web'
    const answer = await call('/orders/1', { headers: { 'x-forwarded-client-cert': xfcc } })
    const record = await recordedDecision(cluster, decisionId(answer))
    expect(answer.status).not.toBe(200)
    expect(record.identity.workload).toBeUndefined()
  })

  test('with the decision point down nginx answers an error, and decides when it is back', async () => {
    const before = upstream.requests
    const pid = cluster.pid('authz')
    process.kill(pid, 'SIGSTOP')
    const answer = await call('/orders/1', { headers: await as('alice', ['customer']) })
    expect(answer.status).toBe(500)
    expect(upstream.requests).toBe(before)
    process.kill(pid, 'SIGKILL')
    const headers = await as('alice', ['customer'])
    await waitFor(async () => (await call('/orders/1', { headers })).status === 200, {
      deadlineMs: RECOVERY_DEADLINE_MS,
      what: 'nginx to get decisions again',
    })
  })
})
