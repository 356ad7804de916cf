import { isDecisionId } from '@verdict/contract'
import {
  type DecisionPoint,
  type GatewayProcess,
  type HttpAnswer,
  sendHttp,
  startBareEnvoy,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  type TestBus,
  Upstream,
} from '@verdict/kit'
import { locate } from '@verdict/toolchain'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** What a real Envoy makes of each answer of the decision point; docs/policy-contract.md. */

/** Decides what the request says. */
const POLICY = `package held

verbatim := json.unmarshal(input.attributes.request.http.headers["x-decision"])
`
const BAD_GATEWAY = 502

const envoy = await locate('envoy')
const without = envoy === undefined ? ': left out, none can be had here' : ''

describe.skipIf(envoy === undefined)(`behind a real Envoy${without}`, () => {
  const resources = new AsyncDisposableStack()
  const points = new Map<string, DecisionPoint>()
  let bus: TestBus
  let upstream: Upstream
  let plain: GatewayProcess

  const point = async (faults: string): Promise<DecisionPoint> =>
    resources.use(
      await startDecisionPoint({
        bus,
        policies: { 'held.rego': POLICY },
        entrypoint: 'held/verbatim',
        settings: { VERDICT_AUTHZ_FAULTS: faults },
      }),
    )
  const front = async (faults: string, filter: object): Promise<GatewayProcess> => {
    const ports = { authz: points.get(faults)?.grpcPort ?? 0, upstream: upstream.port }
    return resources.use(await startBareEnvoy(envoy ?? '', ports, filter))
  }
  const ask = async (
    { url }: GatewayProcess,
    decision: unknown,
    headers: Record<string, string> = {},
  ): Promise<HttpAnswer> =>
    await sendHttp(`${url}/a?q=1&z=2`, {
      headers: { ...headers, 'x-decision': JSON.stringify(decision) },
    })
  const arrived = ({ status, body }: HttpAnswer) => {
    expect(status).toBe(200)
    return JSON.parse(body) as { path: string; headers: Record<string, string> }
  }

  beforeAll(async () => {
    bus = resources.use(await startBus())
    resources.use(await startIdentityResponder(bus))
    upstream = resources.use(await Upstream.start())
    for (const faults of ['failed_call', 'error_response']) points.set(faults, await point(faults))
    plain = await front('failed_call', {})
  }, 90_000)
  afterAll(async () => {
    await resources[Symbol.asyncDispose]()
  }, 60_000)

  test.each([
    ['append_if_exists_or_add', 'held, 1, 2', '1, 2'],
    ['add_if_absent', 'held', '1, 2'],
    ['overwrite_if_exists_or_add', '1, 2', '1, 2'],
    ['overwrite_if_exists', '1, 2', undefined],
    [undefined, '1, 2', '1, 2'],
  ])('the upstream sees what %s makes of a request header', async (append_action, there, not) => {
    const given = { value: ['1', '2'], append_action }
    const decision = { allowed: true, headers: { 'x-there': given, 'x-not': given } }
    const { headers } = arrived(await ask(plain, decision, { 'x-there': 'held' }))
    expect(headers['x-there']).toBe(there)
    expect(headers['x-not']).toBe(not)
  })

  test.each([
    ['append_if_exists_or_add', 'application/json, text/x', 'text/x'],
    ['add_if_absent', 'application/json', 'text/x'],
    ['overwrite_if_exists_or_add', 'text/x', 'text/x'],
    ['overwrite_if_exists', 'text/x', undefined],
    [undefined, 'application/json, text/x', 'text/x'],
  ])('the client sees what %s makes of a response header', async (append_action, there, not) => {
    const given = { value: 'text/x', append_action }
    const added = { 'content-type': given, 'x-not': given }
    const answer = await ask(plain, { allowed: true, response_headers_to_add: added })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']?.replaceAll(/,\s*/g, ', ')).toBe(there)
    expect(answer.headers['x-not']).toBe(not)
  })

  test('several values for the client of a denial all arrive', async () => {
    const headers = { 'set-cookie': ['a=1', 'b=2'], 'content-type': 'text/x' }
    const answer = await ask(plain, { allowed: false, headers, body: 'no' })
    expect(answer).toMatchObject({ status: 403, body: 'no' })
    expect(answer.headers).toMatchObject({ ...headers })
  })

  test('the query is changed, and headers are removed', async () => {
    const decision = {
      allowed: true,
      request_headers_to_remove: ['x-gone'],
      query_parameters_to_set: { n: 'a%20b+c' },
      query_parameters_to_remove: ['z'],
    }
    const { path, headers } = arrived(await ask(plain, decision, { 'x-gone': '1' }))
    expect(new URL(path, 'http://a').searchParams.toString()).toBe('n=a+b+c&q=1')
    expect(headers).not.toHaveProperty('x-gone')
  })

  const FORGED = { 'x-verdict-user': 'mallory', 'X-Verdict-Role': 'admin' }

  test.each([
    ['true', true, undefined],
    ['an object', { allowed: true }, undefined],
    ['an object that sets one', { allowed: true, headers: { 'X-Verdict-User': 'alice' } }, 'alice'],
  ])('headers that a client forges in our name do not pass %s', async (_name, decision, user) => {
    const { headers } = arrived(await ask(plain, decision, FORGED))
    expect(headers['x-verdict-user']).toBe(user)
    expect(headers).not.toHaveProperty('x-verdict-role')
  })

  test('step-up is a challenge to the client', async () => {
    const step_up = { acr_values: ['urn:shop:mfa'], max_age: 300 }
    const answer = await ask(plain, { allowed: false, obligations: { step_up } })
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_user_authentication", ' +
        'error_description="a different authentication level is required", ' +
        'acr_values="urn:shop:mfa", max_age="300"',
    )
    expect(JSON.parse(answer.body)).toMatchObject({
      error: { code: 'insufficient_user_authentication' },
    })
  })

  test('a rate limit tells the client when to come again', async () => {
    const answer = await ask(plain, {
      allowed: false,
      obligations: { rate_limit: { retry_after: 30 } },
    })
    expect(answer.status).toBe(429)
    expect(answer.headers['retry-after']).toBe('30')
    expect(answer.headers['content-type']).toBe('application/json')
  })

  describe.each(['failed_call', 'error_response'])('told of faults by %s', (faults) => {
    let open: GatewayProcess
    let closed: GatewayProcess

    beforeAll(async () => {
      open = await front(faults, { failure_mode_allow: true, failure_mode_allow_header_add: true })
      closed = await front(faults, { status_on_error: { code: BAD_GATEWAY } })
    }, 60_000)

    test('failure_mode_allow lets a fault through, and says so to the upstream', async () => {
      const { headers } = arrived(await ask(open, { allowed: 'maybe' }))
      expect(headers['x-envoy-auth-failure-mode-allowed']).toBe('true')
    })

    test('without it the client gets status_on_error', async () => {
      const before = upstream.requests
      const answer = await ask(closed, { allowed: 'maybe' })
      expect(answer.status).toBe(BAD_GATEWAY)
      expect(upstream.requests).toBe(before)
      const { 'x-verdict-reason': reason, 'x-verdict-decision-id': id } = answer.headers
      if (faults === 'failed_call') {
        expect({ reason, id, body: answer.body }).toEqual({ body: '' })
        return
      }
      expect(reason).toBe('decision_invalid')
      expect(isDecisionId(String(id))).toBe(true)
      expect(answer.headers['content-type']).toBe('application/json')
      expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'decision_invalid' } })
    })

    test.each([
      ['false', false, 403],
      ['an object', { allowed: false, http_status: 404 }, 404],
      ['a step-up', { allowed: false, obligations: { step_up: { max_age: 1 } } }, 401],
    ])('a denial is never let through: %s', async (_name, decision, status) => {
      const before = upstream.requests
      expect((await ask(open, decision)).status).toBe(status)
      expect((await ask(closed, decision)).status).toBe(status)
      expect(upstream.requests).toBe(before)
    })
  })
})
