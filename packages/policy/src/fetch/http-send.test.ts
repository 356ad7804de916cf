import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import {
  asking,
  fetchingBundle,
  opaAnswer,
  type Service,
  startService,
} from '../../test/services-under-test.ts'

vi.setConfig({ testTimeout: 60_000 })

const REGO = `
all := {name: response | some name, request in input.requests; response := http.send(request)}
`
const bundle = await fetchingBundle(REGO, ['p/all'])

const JSON_TEXT = '{"a": [1, 2.50, 12345678901234567890], "b": "<é>"}'
const NOT_UTF8 = Buffer.from([65, 0xff, 0xc3, 0xa9, 0xe2, 0x82])

type Written = (response: ServerResponse) => void

function written(status: number, headers: object, body: string | Buffer = ''): Written {
  return (response) => void response.writeHead(status, { ...headers }).end(body)
}

function raw(text: string): Written {
  return (response) => void response.socket?.end(text.replaceAll('\n', '\r\n'))
}

/** What the service answers, by path. */
const ANSWERS: Readonly<Record<string, Written>> = {
  '/json': written(200, { 'content-type': 'Application/JSON; charset=utf-8' }, JSON_TEXT),
  '/vendor': written(200, { 'content-type': 'application/vnd.a+json', 'x-a': ['1', '2'] }, '[1]'),
  '/no-json': written(200, { 'content-type': 'application/json' }, '{"a": '),
  '/two-json': written(200, { 'content-type': 'application/json' }, '{"a": 1} {"b": 2}'),
  '/like-json': written(200, { 'content-type': 'text/json' }, '{}'),
  '/yaml': written(200, { 'content-type': 'application/x-yaml' }, 'a: [1, b]\n'),
  '/no-yaml': written(200, { 'content-type': 'application/yaml' }, 'a: [1\n'),
  '/bytes': written(200, { 'content-type': 'text/plain' }, NOT_UTF8),
  '/gzip': written(
    200,
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    gzipSync('{"z": 1}'),
  ),
  '/no-gzip': written(200, { 'content-encoding': 'gzip' }, 'plain'),
  '/empty': written(204, {}),
  '/fault': written(500, { 'content-type': 'application/json' }, '{"why": "a"}'),
  '/unchanged': written(304, {}),
  '/moved': written(302, { location: '/echo?x=1' }, 'moved'),
  '/moved-on': written(307, { location: 'echo?x=1' }, 'moved'),
  '/see-other': written(303, { location: '/moved' }),
  '/nowhere': written(301, {}, 'a'),
  '/no-reason': raw('HTTP/1.1 200 \nConnection: close\nX-B:  q \n\nhello'),
  '/odd': raw('HTTP/1.1 299 Very  Odd\nConnection: close\nPragma: no-cache\n\nhello'),
  '/short': raw('HTTP/1.1 200 OK\nConnection: close\nContent-Length: 50\n\nhello'),
  '/no-http': raw('SSH-2.0-x\n'),
  '/switching': raw(
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: x-t\n\n1\na\n0\nx-t: 1\n\n',
  ),
}
/** Of a connection, and of who asks: Go and Node do not say the same. */
const UNLIKE = ['connection', 'user-agent']

async function startAnswers(): Promise<Service> {
  return await startService((request, response, body) => {
    response.sendDate = false
    const { method, url = '' } = request
    const answer = ANSWERS[url.replace(/\?.*/, '')]
    if (answer !== undefined) return answer(response)
    if (!url.startsWith('/echo')) return written(404, { 'content-type': 'a/b' }, 'none')(response)
    const named = Object.entries(request.headers).filter(([name]) => !UNLIKE.includes(name))
    const text = JSON.stringify({ method, url, body, headers: Object.fromEntries(named.sort()) })
    return written(200, { 'content-type': 'application/json' }, text)(response)
  })
}

/** Requests to a service, by name. */
function requestsTo({ url }: Service): Record<string, object> {
  const get = (path: string, more: object = {}) => ({
    method: 'get',
    url: `${url}${path}`,
    ...more,
  })
  const post = (path: string, more: object = {}) => ({ ...get(path, more), method: 'POST' })
  const quiet = (path: string, more: object = {}) => get(path, { ...more, raise_error: false })
  const paths = Object.keys(ANSWERS)
  const follow = { enable_redirect: true }
  const headers = { authorization: 'a', cookie: 'c', 'X-Val': 'grüß', 'Content-Length': '9' }
  return {
    ...Object.fromEntries(paths.map((path) => [path, quiet(path)])),
    raised: get('/short'),
    path: get('/echo/a/../b%2Fc/%7Ed//é?q=1&a=%20#f'),
    escaped: get('/echo/b%2Fc/%7Ed'),
    root: { method: '', url },
    query: get('?a'),
    user: { method: 'GET', url: `${url.replace('//', '//us%20er:pa:ss@')}/echo` },
    quoted: { method: '"get"', url: `"${url}/json"` },
    body: post('/echo', { body: { a: '<&>', b: [1, 2.5, null], é: {} } }),
    raw: post('/echo', { raw_body: '"quoted"', body: 1, headers: { 'Content-Type': 'a/b' } }),
    nothing: post('/echo'),
    deleted: { ...post('/echo', { body: 1 }), method: 'DELETE' },
    head: { ...get('/json'), method: 'HEAD' },
    headers: get('/echo', { headers }),
    agent: get('/echo', { headers: { 'User-Agent': 'a', 'Transfer-Encoding': 'chunked' } }),
    packed: get('/gzip', { headers: { 'Accept-Encoding': 'gzip' } }),
    host: get('/echo', { headers: { Host: 'localhost:80' } }),
    followed: get('/moved', { ...follow, headers }),
    followed_post: post('/moved', { ...follow, body: 1, headers: { 'content-type': 'a/b' } }),
    followed_on: post('/moved-on', { ...follow, body: 1 }),
    followed_twice: get('/see-other', { enable_redirect: 1 }),
    followed_nowhere: get('/nowhere', follow),
    as_json: get('/bytes', { force_json_decode: true }),
    as_yaml: get('/json', { force_yaml_decode: true }),
    timely: get('/json', { timeout: '3s', cache: true, caching_mode: 'deserialized' }),
    number: get('/json', { timeout: 3_000_000_000, max_retry_attempts: 1 }),
    kept: get('/json', { force_cache: true, force_cache_duration_seconds: 3 }),
    ignoring: get('/echo', { headers: { a: '1' }, cache_ignored_headers: ['a'] }),
    verified: get('/json', { tls_insecure_skip_verify: false }),
    unheard: { ...quiet(''), url: 'http://127.0.0.1:1/' },
    ...Object.fromEntries(
      Object.entries(WRONG).map(([name, more]) => [name, quiet('/json', more)]),
    ),
    no_url: { method: 'GET', raise_error: false },
    raise: get('/json', { raise_error: 1 }),
    bad_header: quiet('/echo', { headers: { 'X Val': 'a' } }),
  }
}

const WRONG: Readonly<Record<string, object>> = {
  unknown: { nope: 1 },
  scheme: { url: 'ftp://127.0.0.1/' },
  no_host: { url: 'http:///a' },
  no_url_at_all: { url: 'http://a b/' },
  url_type: { url: 1 },
  method: { method: 'PAT CH' },
  header_type: { headers: { a: 1 } },
  headers_type: { headers: [] },
  timeout: { timeout: 'x' },
  timeout_type: { timeout: true },
  redirect: { enable_redirect: 'true' },
  decode: { force_json_decode: 1 },
  cache: { cache: 1 },
  force: { force_cache: true },
  mode: { caching_mode: 'a' },
  ignored: { headers: { a: '1' }, cache_ignored_headers: [1] },
  retries: { max_retry_attempts: -1 },
}

test('a response is what OPA makes of it, and an error has its code', async () => {
  await using service = await startAnswers()
  const hosts = [`127.0.0.1:${service.port}`, '127.0.0.1:1', 'localhost', '*.a.example']
  const ask = await asking(bundle, hosts)
  const requests = requestsTo(service)
  const opa = (await opaAnswer(REGO, 'all', { requests })) as Record<string, unknown>
  const ours: Record<string, unknown> = {}
  for (const [name, request] of Object.entries(requests)) {
    Object.assign(ours, (await ask('all', { requests: { [name]: request } })).value)
  }
  for (const name of Object.keys(requests))
    expect(alike(ours[name]), name).toEqual(alike(opa[name]))
  expect(Object.keys(opa).length).toBeGreaterThan(50)
})

/** What an error says is in the words of who says it. */
function alike(response: unknown): unknown {
  const { error, ...rest } = (response ?? {}) as { error?: { code: string; message: string } }
  return error === undefined ? response : { ...rest, code: error.code }
}
