import { expect, test } from 'vitest'
import { readResult } from './read-result.ts'

function denied(decision: object) {
  return readResult({ allowed: false, ...decision })
}

const STEP_UP = { step_up: { acr_values: ['urn:shop:mfa', 'phr'], max_age: 300 } }
const CHALLENGE =
  'Bearer error="insufficient_user_authentication", ' +
  'error_description="a different authentication level is required", '

test('step-up is 401 with the challenge of RFC 9470', () => {
  expect(denied({ obligations: STEP_UP })).toEqual({
    ...readResult(false),
    detailed: true,
    status: 401,
    headers: [
      ['www-authenticate', `${CHALLENGE}acr_values="urn:shop:mfa phr", max_age="300"`],
      ['content-type', 'application/json'],
    ],
    body: JSON.stringify({
      error: {
        code: 'insufficient_user_authentication',
        message: 'a different authentication level is required',
      },
    }),
    reason: 'step_up_required',
  })
})

test.each([
  [{ acr_values: ['phr'] }, 'acr_values="phr"'],
  [{ max_age: 0 }, 'max_age="0"'],
  [{ max_age: 9, scope: 'pay read' }, 'max_age="9", scope="pay read"'],
])('a step-up of %j says %s', (step_up, parameters) => {
  const { headers } = denied({ obligations: { step_up } })
  expect(headers[0]).toEqual(['www-authenticate', CHALLENGE + parameters])
})

test('a rate limit is 429 and says when to come again', () => {
  expect(denied({ obligations: { rate_limit: { retry_after: 30 } } })).toMatchObject({
    allowed: false,
    status: 429,
    headers: [
      ['retry-after', '30'],
      ['content-type', 'application/json'],
    ],
    body: '{"error":{"code":"rate_limited","message":"too many requests: try again after 30 s"}}',
    reason: 'rate_limited',
  })
})

test('what the policy says of its own stays', () => {
  const own = { reason: 'fresh_login', body: '<p>', headers: { 'Content-Type': 'text/html' } }
  const result = denied({ ...own, http_status: 401, obligations: STEP_UP })
  expect(result).toMatchObject({ status: 401, reason: 'fresh_login', body: '<p>' })
  expect(result.headers.map(([name]) => name)).toEqual(['Content-Type', 'www-authenticate'])
  const typed = denied({ headers: { 'content-type': 'text/plain' }, obligations: STEP_UP })
  expect(typed.body).toBeUndefined()
})

test('no obligation is none', () => {
  expect(denied({ obligations: {} })).toEqual(denied({}))
  expect(readResult({ allowed: true, obligations: {} })).toEqual(readResult({ allowed: true }))
})

test.each([
  [{ obligations: 'mfa' }, 'they must be an object'],
  [{ obligations: { mfa: {} } }, '`mfa` is none of step_up, rate_limit'],
  [{ obligations: { __proto__: null, toString: {} } }, '`toString` is none of'],
  [{ obligations: { ...STEP_UP, rate_limit: { retry_after: 1 } } }, 'an answer can carry one only'],
  [{ obligations: STEP_UP, http_status: 403 }, 'it is 401, and `http_status` is 403'],
  [{ obligations: STEP_UP, headers: { 'WWW-Authenticate': 'Basic' } }, '`www-authenticate`'],
  [{ obligations: { rate_limit: { retry_after: 1 } }, headers: { 'retry-after': '2' } }, '`retry'],
  [{ obligations: { step_up: true } }, 'it must be an object'],
  [{ obligations: { step_up: {} } }, 'it needs `acr_values` or `max_age`'],
  [{ obligations: { step_up: { scope: 'a' } } }, 'it needs `acr_values` or `max_age`'],
  [{ obligations: { step_up: { level: 2 } } }, '`level` is none of acr_values, max_age, scope'],
  [{ obligations: { step_up: { acr_values: 'phr' } } }, "'[]string' but got 'string'"],
  [{ obligations: { step_up: { acr_values: ['a b'] } } }, 'an acr value is printable ASCII'],
  [{ obligations: { step_up: { acr_values: ['a", x="'] } } }, 'an acr value is printable ASCII'],
  [{ obligations: { step_up: { acr_values: ['a\r\nb'] } } }, 'an acr value is printable ASCII'],
  [{ obligations: { step_up: { acr_values: ['\\'] } } }, 'an acr value is printable ASCII'],
  [{ obligations: { step_up: { acr_values: Array(17).fill('a') } } }, 'more than 16, or too long'],
  [{ obligations: { step_up: { acr_values: ['a'.repeat(1_025)] } } }, 'or too long'],
  [{ obligations: { step_up: { max_age: -1 } } }, '`max_age` must be a whole number'],
  [{ obligations: { step_up: { max_age: '300' } } }, '`max_age` must be a whole number'],
  [{ obligations: { step_up: { max_age: 1, scope: 'a"b' } } }, '`scope` must be scopes'],
  [{ obligations: { step_up: { max_age: 1, scope: '' } } }, '`scope` must be scopes'],
  [{ obligations: { rate_limit: {} } }, '`retry_after` must be whole seconds, from 1 to 86400'],
  [{ obligations: { rate_limit: { retry_after: 0 } } }, '`retry_after` must be'],
  [{ obligations: { rate_limit: { retry_after: 1.5 } } }, '`retry_after` must be'],
  [{ obligations: { rate_limit: { retry_after: 86_401 } } }, '`retry_after` must be'],
  [{ obligations: { rate_limit: { retry_after: '1' } } }, '`retry_after` must be'],
  [{ obligations: { rate_limit: { retry_after: 1, burst: 2 } } }, '`burst` is none of retry_after'],
])('a denial with %j is no decision', (decision, why) => {
  expect(() => denied(decision)).toThrow(
    expect.objectContaining({
      code: 'decision_invalid',
      message: expect.stringMatching(
        new RegExp(`^failed to get obligations.*${RegExp.escape(why)}`),
      ),
    }),
  )
})

test('an obligation of an allowed request is not lost: it is no decision', () => {
  expect(() => readResult({ allowed: true, obligations: STEP_UP })).toThrow(
    expect.objectContaining({
      code: 'decision_invalid',
      message: 'failed to get obligations: an allowed request can have none',
    }),
  )
})
