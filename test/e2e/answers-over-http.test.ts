import {
  freePort,
  type HttpAnswer,
  nginxBinary,
  sendHttp,
  startBus,
  startDecisionPoint,
  startGateway,
  startIdentityResponder,
  startNginx,
  streamedDecision,
  type TestBus,
  Upstream,
} from '@verdict/kit'
import { locate } from '@verdict/toolchain'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** What real gateways that ask over HTTP make of each answer; docs/policy-contract.md. */

/** Decides what the request says. */
const POLICY = `package held

verbatim := json.unmarshal(input.attributes.request.http.headers["x-decision"])
`

const binaries = {
  nginx: nginxBinary(),
  caddy: await locate('caddy'),
  envoyHttpService: await locate('envoy'),
}

describe.each(['nginx', 'caddy', 'envoyHttpService'] as const)('behind %s', (kind) => {
  const binary = binaries[kind]
  const without = binary === undefined ? 'left out, none can be had here' : 'with its deploy/ file'
  describe.skipIf(binary === undefined)(without, () => {
    const resources = new AsyncDisposableStack()
    let bus: TestBus
    let url: string
    let upstream: Upstream
    const ask = async (decision: unknown, headers: Record<string, string> = {}) =>
      await sendHttp(`${url}/a`, {
        headers: { ...headers, 'x-decision': JSON.stringify(decision) },
      })
    const recordOf = async ({ headers }: HttpAnswer) =>
      (await streamedDecision(bus, String(headers['x-verdict-decision-id']))).record
    const arrived = ({ status, body }: HttpAnswer) => {
      expect(status).toBe(200)
      return (JSON.parse(body) as { headers: Record<string, string | undefined> }).headers
    }

    beforeAll(async () => {
      bus = resources.use(await startBus())
      resources.use(await startIdentityResponder(bus))
      upstream = resources.use(await Upstream.start())
      const policies = { 'held.rego': POLICY }
      const point = await startDecisionPoint({ bus, policies, entrypoint: 'held/verbatim' })
      const authz = resources.use(point).process.port
      const ports = { listen: await freePort(), authz, upstream: upstream.port }
      const started = kind === 'nginx' ? startNginx(ports) : startGateway(kind, binary ?? '', ports)
      url = resources.use(await started).url
    }, 90_000)
    afterAll(async () => {
      await resources[Symbol.asyncDispose]()
    }, 60_000)

    test('step-up is a challenge to the client', async () => {
      const before = upstream.requests
      const step_up = { acr_values: ['urn:shop:mfa'], max_age: 300 }
      const answer = await ask({ allowed: false, obligations: { step_up } })
      expect(answer.status).toBe(401)
      expect(answer.headers['www-authenticate']).toBe(
        'Bearer error="insufficient_user_authentication", ' +
          'error_description="a different authentication level is required", ' +
          'acr_values="urn:shop:mfa", max_age="300"',
      )
      expect(upstream.requests).toBe(before)
      const record = { outcome: 'deny', status: 401, reason: 'step_up_required' }
      expect(await recordOf(answer)).toMatchObject(record)
    })

    test('a rate limit tells the client when to come again', async () => {
      const before = upstream.requests
      const obligations = { rate_limit: { retry_after: 30 } }
      const answer = await ask({ allowed: false, obligations })
      expect(answer.status).toBe(429)
      expect(answer.headers['retry-after']).toBe('30')
      expect(upstream.requests).toBe(before)
      const record = { outcome: 'deny', status: 429, reason: 'rate_limited' }
      expect(await recordOf(answer)).toMatchObject(record)
    })

    test('a fault is an error, and no denial', async () => {
      const before = upstream.requests
      const { status } = await ask({ allowed: 'maybe' })
      expect(status).toBeGreaterThanOrEqual(500)
      expect(upstream.requests).toBe(before)
    })

    test('what a client says in our name does not arrive, whatever the policy says', async () => {
      const forged = { 'x-verdict-principal': 'mallory', 'x-verdict-decision-id': 'forged' }
      for (const decision of [true, { allowed: true }]) {
        const headers = arrived(await ask(decision, forged))
        // nginx and Caddy overwrite it by nothing, Envoy removes it.
        expect(headers['x-verdict-principal'] ?? '').toBe('')
        expect(headers['x-verdict-decision-id'] ?? '').not.toBe('forged')
      }
      const named = { 'x-verdict-principal': 'alice' }
      const headers = arrived(await ask({ allowed: true, headers: named }, forged))
      expect(headers['x-verdict-principal']).toBe('alice')
    })
  })
})
