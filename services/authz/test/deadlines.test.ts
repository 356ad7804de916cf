import { type IdentifyReply, subjects } from '@verdict/contract'
import {
  remembered,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamLines,
} from '@verdict/kit'
import { expect, test } from 'vitest'

const TIMEOUT_MS = 60_000
const HEADER = 'x-verdict-timeout-ms'
const ASKED = { 'x-forwarded-uri': '/', 'x-forwarded-method': 'GET' }

test(
  'over every protocol a caller learns in time that there is no decision, and none is recorded',
  async () => {
    await using bus = await startBus()
    const silence = Promise.withResolvers<IdentifyReply>()
    await using _authn = await startIdentityResponder(bus, () => silence.promise)
    using _end = { [Symbol.dispose]: () => silence.resolve(remembered({ status: 'anonymous' })) }
    await using point = await startDecisionPoint({
      bus,
      policies: { 'authz.rego': 'package envoy.authz\n\ndefault allow := true\n' },
      settings: {
        VERDICT_AUTHZ_DECISION_TIMEOUT: '400ms',
        VERDICT_AUTHZ_IDENTIFY_TIMEOUT: '60s',
        VERDICT_AUTHZ_HTTP_TIMEOUT_HEADER: 'X-Verdict-Timeout-Ms',
      },
    })
    const get = async (headers: Readonly<Record<string, string>>) => {
      const url = `http://127.0.0.1:${point.process.port}/check`
      const { status, headers: answered } = await fetch(url, { headers: { ...ASKED, ...headers } })
      return `${status} ${answered.get('x-verdict-reason')}`
    }
    // Who says how long it waits, who does not, and who says nonsense.
    expect(await get({ [HEADER]: '50' })).toBe('503 deadline_exceeded')
    expect(await get({})).toBe('503 deadline_exceeded')
    expect(await get({ [HEADER]: 'soon' })).toBe('400 question_malformed')

    using client = point.client()
    await expect(client.check({}, 20_000)).rejects.toMatchObject({ code: 4 })
    await expect(client.check({}, 50)).rejects.toMatchObject({ code: 4 })

    const nc = await bus.connect('client')
    for (const patience of [{ timeoutMs: 50 }, {}]) {
      const query = JSON.stringify({ method: 'GET', path: '/', ...patience })
      const answer = await nc.request(subjects.check, query, { timeout: 20_000 })
      expect(answer.json()).toMatchObject({ error: { code: 'deadline_exceeded' } })
    }
    expect(await streamLines(bus)).toEqual([])
  },
  TIMEOUT_MS,
)
