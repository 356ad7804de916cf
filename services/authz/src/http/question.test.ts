import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { readQuestion } from './question.ts'

/** What Node makes of a request; `raw` are names and values in turn. */
function message(raw: readonly string[], method = 'GET'): IncomingMessage {
  const socket = { remoteAddress: '127.0.0.1' }
  return { rawHeaders: raw, method, httpVersion: '1.1', socket } as unknown as IncomingMessage
}

function http(raw: readonly string[], target = '/check', body?: Uint8Array) {
  return readQuestion(message(raw), target, body).attributes?.request?.http
}

test('Caddy and Traefik name the request in X-Forwarded headers', () => {
  const question = readQuestion(
    message([
      'Host',
      'authz:8181',
      'X-Forwarded-Method',
      'POST',
      'X-Forwarded-Proto',
      'https',
      'X-Forwarded-Host',
      'shop.example',
      'X-Forwarded-Uri',
      '/orders?a=1',
      'X-Forwarded-For',
      '203.0.113.9, 10.0.0.1',
      'X-Request-Id',
      'r-1',
      'Cookie',
      'a=b',
      'Cookie',
      'c=d',
    ]),
    '/check',
    undefined,
  )
  expect(question).toMatchObject({ protocol: 'http', verdictIsStatus: true })
  expect(question.attributes).toEqual({
    source: { address: { socketAddress: { address: '10.0.0.1' } } },
    request: {
      time: { seconds: expect.any(Number), nanos: expect.any(Number) },
      http: {
        id: 'r-1',
        method: 'POST',
        path: '/orders?a=1',
        host: 'shop.example',
        scheme: 'https',
        protocol: 'HTTP/1.1',
        size: -1,
        headers: {
          'x-forwarded-proto': 'https',
          'x-forwarded-host': 'shop.example',
          'x-forwarded-for': '203.0.113.9, 10.0.0.1',
          'x-request-id': 'r-1',
          cookie: 'a=b; c=d',
        },
      },
    },
  })
})

test('nginx names the request in X-Original headers', () => {
  const asked = http(['Host', 'shop', 'X-Original-URI', '/a', 'X-Original-Method', 'DELETE'])
  expect(asked).toMatchObject({ method: 'DELETE', path: '/a', host: 'shop', scheme: 'http' })
})

test('Envoy asks for the path itself, and no header changes what is asked', () => {
  const raw = ['Host', 'shop.example', 'X-Forwarded-Uri', '/healthz', 'X-Forwarded-Method', 'GET']
  const question = readQuestion(message(raw, 'PUT'), '/check/orders//1%2f?a=%zz', undefined)
  expect(question.attributes?.request?.http).toMatchObject({
    method: 'PUT',
    path: '/orders//1%2f?a=%zz',
    host: 'shop.example',
    headers: {},
  })
  expect(question.attributes?.source).toEqual({
    address: { socketAddress: { address: '127.0.0.1' } },
  })
})

test.each([
  ['no header that names the request', ['Host', 'x'], /no header that names the request/],
  ['headers of both kinds', ['X-Forwarded-Uri', '/a', 'X-Original-Method', 'GET'], /both kinds/],
  ['no method', ['X-Forwarded-Uri', '/a'], /one is missing/],
  ['no path', ['X-Original-Method', 'GET'], /one is missing/],
])('%s is a malformed question', (_name, raw, why) => {
  expect(() => http(raw)).toThrow(
    expect.objectContaining({ code: 'question_malformed', message: expect.stringMatching(why) }),
  )
})

test('no header makes a source principal', () => {
  const raw = [
    'X-Source-Principal',
    'spiffe://td/a',
    'X-Forwarded-Client-Cert',
    'URI=spiffe://td/a',
  ]
  const question = readQuestion(message(raw), '/check/', undefined)
  expect(question.attributes?.source).not.toHaveProperty('principal')
})

test('a credential that comes twice is seen as both', () => {
  const asked = http(['Authorization', 'Bearer a', 'authorization', 'Bearer b'], '/check/')
  expect(asked?.headers?.['authorization']).toBe('Bearer a,Bearer b')
})

test('a body is text, or bytes where it is none', () => {
  const raw = ['Content-Length', '7', 'Content-Type', 'application/json']
  expect(http(raw, '/check/', Buffer.from('{"ü":1}'))).toMatchObject({ body: '{"ü":1}', size: 7 })
  const bytes = http([], '/check/', Buffer.from([0xff, 0x00]))
  expect(bytes).toMatchObject({ rawBody: '/wA=' })
  expect(bytes).not.toHaveProperty('body')
  expect(http([], '/check/', Buffer.alloc(0))).not.toHaveProperty('body')
})

test('a header of a caller never reaches a prototype', () => {
  const asked = http(['__proto__', 'x'], '/check/')
  expect(JSON.stringify(asked?.headers)).toBe('{"__proto__":"x"}')
})

test.each([
  [['Content-Length', '12'], 12],
  [['Content-Length', '12', 'Content-Length', '13'], -1],
  [['Content-Length', '1e3'], -1],
  [[], -1],
])('the size of a request with %j is %i', (raw, size) => {
  expect(http(['X-Original-URI', '/a', 'X-Original-Method', 'PUT', ...raw])?.size).toBe(size)
})

test.each(['X-Forwarded-Uri', 'X-Forwarded-Method', 'X-Forwarded-Host', 'X-Forwarded-Proto'])(
  '%s that comes twice is refused, since nobody knows which one holds',
  (name) => {
    const asked = ['X-Forwarded-Uri', '/a,b', 'X-Forwarded-Method', 'GET']
    expect(http(asked)).toMatchObject({ path: '/a,b' })
    const twice = [name.toUpperCase(), '/c', name, '/d']
    expect(() => http([...asked, ...twice])).toThrow(
      expect.objectContaining({ code: 'question_malformed' }),
    )
  },
)

test.each(['X-Original-Uri', 'X-Original-Method'])('%s that comes twice is refused', (name) => {
  const asked = ['X-Original-Uri', '/a', 'X-Original-Method', 'GET']
  expect(() => http([...asked, name, '/a'])).toThrow(/came more than once/)
})
