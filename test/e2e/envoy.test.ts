import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDecisionId } from '@verdict/contract'
import { Cluster, recordedDecision, waitFor } from '@verdict/kit'
import { locate } from '@verdict/toolchain'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** A real Envoy with deploy/envoy/envoy.yaml in front of the demo shop. */

const envoy = await locate('envoy')
const RECOVERY_DEADLINE_MS = 30_000

const without = envoy === undefined ? ': left out, none can be had here' : ''

describe.skipIf(envoy === undefined)(`behind a real Envoy${without}`, () => {
  const resources = new AsyncDisposableStack()
  let cluster: Cluster
  const call = async (path: string, init: RequestInit = {}) =>
    await fetch(`${cluster.url('envoy')}${path}`, init)
  const as = (user: 'alice' | 'bob') => {
    const line = readFileSync(join(cluster.dataDir, 'demo', `${user}.header`), 'utf8').trim()
    return { authorization: line.slice(line.indexOf(':') + 1).trim() }
  }

  beforeAll(async () => {
    cluster = resources.use(await Cluster.start({ demo: true }))
  }, 90_000)
  afterAll(async () => {
    await resources[Symbol.asyncDispose]()
  }, 60_000)

  test('an allowed request reaches the upstream with the identity that we vouch for', async () => {
    const answer = await call('/orders/1', {
      headers: { ...as('alice'), 'x-verdict-principal': 'mallory', 'x-request-id': 'e2e-allow' },
    })
    expect(answer.status).toBe(200)
    const body = (await answer.json()) as { service: string; verdict: Record<string, string> }
    expect(body.service).toBe('orders')
    expect(body.verdict['x-verdict-principal']).toBe('alice')
    const id = answer.headers.get('x-verdict-decision-id') ?? ''
    expect(isDecisionId(id)).toBe(true)

    const expected = {
      id,
      outcome: 'allow',
      status: 200,
      protocol: 'envoy-grpc',
      principal: 'alice',
      identity: { status: 'verified', subject: 'alice', issuer: 'https://demo.verdict.example' },
      destination: { service: 'orders', namespace: 'shop' },
      request: { method: 'GET', path: '/orders/1', scheme: 'http' },
      policy: { entrypoint: 'envoy/authz/allow' },
      source: { address: expect.stringMatching(/^127\.0\.0\.1(:\d+)?$/) },
      v: 1,
    }
    const record = await recordedDecision(cluster, id)
    expect(record).toMatchObject(expected)
    expect(record.policy.revision).toMatch(/^[0-9a-f]{64}$/)
    expect(record.request.host).toBe(`127.0.0.1:${cluster.port('envoy')}`)
    expect(record.reason).not.toBe('')
    expect(Date.parse(record.time)).toBeLessThanOrEqual(Date.now())
  })

  test('a denied request never reaches the upstream and says why', async () => {
    const answer = await call('/payments/1/refund', { method: 'POST', headers: as('alice') })
    expect(answer.status).toBe(403)
    const id = answer.headers.get('x-verdict-decision-id') ?? ''
    const record = await recordedDecision(cluster, id)
    expect(record).toMatchObject({
      outcome: 'deny',
      status: 403,
      principal: 'alice',
      destination: { service: 'payments', namespace: 'shop' },
      request: { method: 'POST', path: '/payments/1/refund' },
    })
    expect(record.reason).toMatch(/^[a-z_]+$/)
  })

  test('the same request is allowed for a user whose role permits it', async () => {
    const answer = await call('/payments/1/refund', { method: 'POST', headers: as('bob') })
    expect(answer.status).toBe(200)
  })

  test('a bad token is 401 with a challenge, whatever the path', async () => {
    const answer = await call('/catalog/items', { headers: { authorization: 'Bearer not.a.jwt' } })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
    const record = await recordedDecision(
      cluster,
      answer.headers.get('x-verdict-decision-id') ?? '',
    )
    expect(record).toMatchObject({
      outcome: 'unauthenticated',
      status: 401,
      principal: 'anonymous',
      identity: { status: 'invalid', reason: 'malformed' },
    })
  })

  test('no token is anonymous: the catalogue is public, orders are not', async () => {
    expect((await call('/catalog/items')).status).toBe(200)
    expect((await call('/orders/1')).status).toBe(401)
    expect((await call('/healthz')).status).toBe(200)
  })

  test('a query never reaches the record, and its path does', async () => {
    const answer = await call('/catalog/items?token=secret')
    const record = await recordedDecision(
      cluster,
      answer.headers.get('x-verdict-decision-id') ?? '',
    )
    expect(record.request.path).toBe('/catalog/items')
    expect(JSON.stringify(record)).not.toContain('secret')
  })

  test('with the decision point down Envoy answers 503, and 200 again when it is back', async () => {
    const pid = cluster.pid('authz')
    process.kill(pid, 'SIGSTOP')
    const answer = await call('/catalog/items')
    expect(answer.status).toBe(503)
    process.kill(pid, 'SIGKILL')
    await waitFor(async () => (await call('/catalog/items')).status === 200, {
      deadlineMs: RECOVERY_DEADLINE_MS,
      what: 'Envoy to get decisions again',
    })
    expect(cluster.pid('authz')).not.toBe(pid)
  })

  test('with authn down a new caller gets an error, not a deny', async () => {
    process.kill(cluster.pid('authn'), 'SIGSTOP')
    try {
      const answer = await call('/orders/1', { headers: { authorization: 'Bearer new.to.us' } })
      expect(answer.status).toBe(503)
    } finally {
      process.kill(cluster.pid('authn'), 'SIGCONT')
    }
    await waitFor(async () => (await call('/orders/1', { headers: as('alice') })).status === 200, {
      deadlineMs: RECOVERY_DEADLINE_MS,
      what: 'identities to be had again',
    })
  })
})
