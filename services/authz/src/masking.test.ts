import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MASK, masked } from './masking.ts'

const SECRET = 's3cr3t-of-the-caller'

/** Of what a policy is given, and whether the secret is still in what is recorded. */
function recorded(input: unknown): unknown {
  const json = masked(JSON.stringify(input))
  expect(json).not.toContain(SECRET)
  expect(json).not.toContain(Buffer.from(SECRET).toString('base64'))
  return JSON.parse(json)
}

test.each([
  ...[
    'authorization',
    'Authorization',
    'AUTHORIZATION',
    'proxy-authorization',
    'cookie',
    'Cookie2',
  ],
  ...[
    'set-cookie',
    'x-api-key',
    'X-API-Key',
    'apikey',
    'api_key',
    'x-auth-token',
    'X-Access-Token',
  ],
  ...['x-goog-api-key', 'x-csrf-token', 'token', 'x-client-secret', 'x-forwarded-client-cert'],
  ...['ssl-client-cert', 'x-forwarded-authorization', 'x-vault-token', 'x_auth_token'],
])('the value of `%s` is masked in every form that a header comes in', (name) => {
  const rawValue = Buffer.from(SECRET).toString('base64')
  const http = {
    headers: { [name]: SECRET, accept: '*/*' },
    headerMap: {
      headers: [
        { key: name, value: SECRET },
        { key: 'accept', value: '*/*' },
        { key: name, rawValue },
      ],
    },
  }
  expect(recorded({ attributes: { request: { http } } })).toEqual({
    attributes: {
      request: {
        http: {
          headers: { [name]: MASK, accept: '*/*' },
          headerMap: {
            headers: [
              { key: name, value: MASK },
              { key: 'accept', value: '*/*' },
              { key: name, rawValue: MASK },
            ],
          },
        },
      },
    },
  })
})

test('what is no text is masked as a whole', () => {
  expect(recorded({ cookie: [SECRET, { a: SECRET }], token: { a: SECRET }, b: 1 })).toEqual({
    cookie: MASK,
    token: MASK,
    b: 1,
  })
})

test('quotes, backslashes and line ends in a value do not end it', () => {
  for (const around of ['"', '\\', '\\"', '\n', '","x":"', '"}', '\u2028']) {
    const value = `${around}${SECRET}${around}${SECRET}`
    expect(recorded({ authorization: value, b: around })).toEqual({
      authorization: MASK,
      b: around,
    })
  }
})

test('other keys stay as they are, whatever their names hold', () => {
  const input = {
    'content-type': 'text/plain',
    tokens: 3,
    authorizations: ['a'],
    'x-token-count': '2',
    cookies: 'choc',
    path: '/authorization/"authorization":"x"/cookie',
    list: ['authorization', 'cookie', { key: 'accept', value: '*/*' }],
  }
  const json = JSON.stringify(input)
  expect(masked(json)).toBe(json)
})

const word = fc.constantFrom('authorization', 'Cookie', 'x-api-key', 'accept', 'key', 'value', 'a')
const text = fc.oneof(word, fc.string({ maxLength: 12 }), fc.constant('"authorization":"x"'))
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof({ depthSize: 'small' }, text, fc.integer(), tie('list'), tie('object')),
  list: fc.array(tie('tree'), { maxLength: 4 }),
  object: fc.dictionary(fc.oneof(word, text), tie('tree'), { maxKeys: 4 }),
}))

/** By the values themselves, without any text. */
function expected(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expected)
  if (typeof value !== 'object' || value === null) return value
  const names = /^(?:authorization|cookie|x-api-key)$/i
  const { key } = value as { key?: unknown }
  const named = typeof key === 'string' && names.test(key)
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      names.test(name) || (named && name === 'value') ? MASK : expected(inner),
    ]),
  )
}

test('of any document, nothing else is changed', () => {
  fc.assert(
    fc.property(tree, (document) => {
      expect(JSON.parse(masked(JSON.stringify(document)))).toEqual(expected(document))
    }),
    { numRuns: 2_000 },
  )
})
