import { expect, test } from 'vitest'
import { AuthzErrorCode } from '../errors.ts'
import { readPluginQuestion } from './plugin-input.ts'

function read(document: unknown) {
  return readPluginQuestion(Buffer.from(JSON.stringify(document)))
}

function kong(http: object, rest: object = {}) {
  const all = { method: 'GET', path: '/orders', scheme: 'http', host: 'shop.example', ...http }
  return read({ input: { ...rest, request: { http: all } } })
}

function apisix(request: object, rest: object = {}) {
  const all = { method: 'GET', path: '/orders', scheme: 'http', host: 'shop.example', ...request }
  return read({ input: { type: 'http', request: all, ...rest } })
}

const TIME = { seconds: expect.any(Number), nanos: expect.any(Number) }

test('what Kong sends becomes the request of every protocol', () => {
  const { gateway, request } = kong(
    {
      method: 'POST',
      port: '8000',
      tls: {},
      path: '/orders/a%2Fb',
      querystring: { a: ['1', '2 3'], flag: true, 'x&y': '=' },
      headers: {
        Host: 'shop.example:8000',
        connection: 'keep-alive',
        authorization: 'Bearer t',
        'content-type': 'application/json',
        'content-length': '7',
        cookie: ['a=b', 'c=d'],
        'x-request-id': 'r-1',
        'x-several': ['1', '2'],
      },
      body: '{"a":1}',
      body_size: 7,
    },
    { client_ip: '203.0.113.9', route: { name: 'r' }, consumer: { username: 'mallory' } },
  )
  expect(gateway).toBe('kong')
  expect(request).toMatchObject({ protocol: 'http', verdictIsStatus: false })
  expect(request.attributes).toEqual({
    source: { address: { socketAddress: { address: '203.0.113.9' } } },
    request: {
      time: TIME,
      http: {
        id: 'r-1',
        method: 'POST',
        headers: {
          authorization: 'Bearer t',
          'content-type': 'application/json',
          'content-length': '7',
          cookie: 'a=b; c=d',
          'x-request-id': 'r-1',
          'x-several': '1,2',
        },
        path: '/orders/a%2Fb?a=1&a=2%203&flag=&x%26y=%3D',
        host: 'shop.example:8000',
        scheme: 'http',
        size: 7,
        body: '{"a":1}',
      },
    },
  })
})

test('what APISIX sends becomes the request of every protocol', () => {
  const { gateway, request } = apisix(
    {
      port: 9080,
      query: {},
      path: '/get',
      host: '127.0.0.1',
      headers: { 'user-agent': 'curl/7.68.0', accept: '*/*', host: '127.0.0.1:9080' },
    },
    { var: { timestamp: 1_701_234_567, server_port: '9080', remote_addr: '10.0.0.7' } },
  )
  expect(gateway).toBe('apisix')
  expect(request.attributes).toEqual({
    source: { address: { socketAddress: { address: '10.0.0.7' } } },
    request: {
      time: TIME,
      http: {
        method: 'GET',
        headers: { 'user-agent': 'curl/7.68.0', accept: '*/*' },
        path: '/get',
        host: '127.0.0.1:9080',
        scheme: 'http',
        size: -1,
      },
    },
  })
})

test.each([
  ['a path that nginx has decoded is not decoded again', '/a%2fb?c#d', '/a%252fb%3Fc%23d'],
  ['letters stay', '/Zoë', '/Zoë'],
])('APISIX: %s', (_what, path, expected) => {
  expect(apisix({ path }).request.attributes?.request?.http?.path).toBe(expected)
})

test('an empty Lua table is no query and no headers, even where it comes as an array', () => {
  const { http } = kong({ querystring: [], headers: [] }).request.attributes?.request ?? {}
  expect(http).toMatchObject({ path: '/orders', headers: {} })
})

test('the host that the gateway goes by wins over a header that differs and stays', () => {
  const { http } = apisix({ headers: { host: 'other.example' } }).request.attributes?.request ?? {}
  expect(http).toMatchObject({ host: 'shop.example', headers: { host: 'other.example' } })
})

test('a header of the name `__proto__` is a header', () => {
  const text = `{"input":{"type":"http","request":{"method":"GET","path":"/",
    "headers":{"__proto__":"x"}}}}`
  const { headers = {} } =
    readPluginQuestion(Buffer.from(text)).request.attributes?.request?.http ?? {}
  expect(Object.keys(headers)).toEqual(['__proto__'])
  expect(Object.getPrototypeOf(headers)).toBe(Object.prototype)
})

test.each<[string, string]>([
  ['no JSON', '{"input":'],
  ['nothing', ''],
  ['no object', '[]'],
  ['no input', '{}'],
  ['no request', '{"input":{"type":"http"}}'],
  ['the input of neither', '{"input":{"request":{"method":"GET","path":"/"}}}'],
  ['a stream of APISIX', '{"input":{"type":"stream","request":{}}}'],
  ['no method', '{"input":{"request":{"http":{"path":"/"}}}}'],
  ['a path that is no text', '{"input":{"request":{"http":{"method":"GET","path":7}}}}'],
  [
    'a header that is no text',
    '{"input":{"request":{"http":{"method":"GET","path":"/","headers":{"a":{}}}}}}',
  ],
  [
    'half of a surrogate pair',
    '{"input":{"request":{"http":{"method":"GET","path":"/","querystring":{"a":"\\ud800"}}}}}',
  ],
  ['JSON that is too deep', `{"input":${'['.repeat(600)}${']'.repeat(600)}}`],
])('%s is a malformed question', (_what, text) => {
  expect(() => readPluginQuestion(Buffer.from(text))).toThrow(
    expect.objectContaining({ code: AuthzErrorCode.questionMalformed }),
  )
})
