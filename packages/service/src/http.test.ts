import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { waitFor } from '@verdict/kit'
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { HttpError } from './errors.ts'
import { createHealth, type Health } from './health.ts'
import { createHttp, HEADER_BYTES_MAX, PARAM_CHARS_MAX } from './http.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'

const BODY_BYTES_MAX = 1000
const REQUEST_TIMEOUT_MS = 200

let http: FastifyInstance
let health: Health
let base: string
let lines: string[]

beforeEach(async () => {
  lines = []
  const destination = { write: (line: string) => void lines.push(line) }
  health = createHealth()
  http = createHttp({
    log: createLog({ service: 'audit', instance: 'audit-1', destination }),
    metrics: createMetrics('audit'),
    health,
    bodyBytesMax: BODY_BYTES_MAX,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  })
  http.post('/echo', async (request) => request.body)
  http.get('/items/:id', async (request) => request.params)
  http.get('/refused', async () => {
    throw new HttpError('bad_request', '`time` is no time')
  })
  http.get('/overloaded', async () => {
    throw new HttpError('unavailable', 'the disk /dev/secret is full')
  })
  http.get('/broken', async () => {
    throw new Error('password of /var/secret is wrong')
  })
  base = await http.listen({ host: '127.0.0.1', port: 0 })
})

afterEach(async () => {
  await http.close()
})

async function get(path: string): Promise<[status: number, body: unknown]> {
  const response = await fetch(base + path)
  return [response.status, await response.json()]
}

async function post(body: string, type = 'application/json'): Promise<[number, unknown]> {
  const headers = { 'content-type': type }
  const response = await fetch(`${base}/echo`, { method: 'POST', body, headers })
  return [response.status, await response.json()]
}

/** Sends bytes, and returns all that comes until the server closes. */
async function raw(bytes: string): Promise<string> {
  const { port, hostname } = new URL(base)
  const socket = connect(Number(port), hostname)
  socket.write(bytes)
  return await text(socket)
}

function error(code: string, message: unknown = expect.any(String)) {
  return { error: { code, message } }
}

test('the process is alive whatever its dependencies do', async () => {
  health.check('bus', () => ({ ok: false, detail: 'down' }))
  expect(await get('/healthz')).toEqual([200, { status: 'alive' }])
})

test('readiness tells which dependency is missing', async () => {
  expect(await get('/readyz')).toEqual([200, { status: 'ready', checks: {} }])
  health.check('bus', () => ({ ok: false, detail: 'no connection' }))
  const checks = { bus: { ok: false, detail: 'no connection' } }
  expect(await get('/readyz')).toEqual([503, { status: 'not_ready', checks }])
})

test('metrics are in the form of Prometheus, with the build and the process', async () => {
  const response = await fetch(`${base}/metrics`)
  expect(response.headers.get('content-type')).toContain('text/plain')
  const body = await response.text()
  expect(body).toMatch(/^verdict_build_info\{service="audit",version="\d+\.\d+\.\d+",.*\} 1$/m)
  expect(body).toMatch(/^process_cpu_seconds_total \d/m)
})

test('an unknown path is told without its query', async () => {
  const message = 'nothing answers GET `/nope`'
  expect(await get('/nope?token=s3cr3t')).toEqual([404, error('not_found', message)])
})

test('a path that is not a path is refused', async () => {
  expect(await get('/%zz')).toEqual([400, error('bad_request')])
})

test('a path parameter that is too long is refused', async () => {
  expect((await get(`/items/${'x'.repeat(PARAM_CHARS_MAX)}`))[0]).toBe(200)
  expect(await get(`/items/${'x'.repeat(PARAM_CHARS_MAX + 1)}`)).toEqual([
    414,
    error('uri_too_long'),
  ])
})

test('a body up to the limit is taken, and a longer one is not', async () => {
  const body = JSON.stringify(['x'.repeat(BODY_BYTES_MAX - 4)])
  expect((await post(body))[0]).toBe(200)
  expect(await post(`${body} `)).toEqual([413, error('body_too_large')])
})

test('a body that is no JSON, of another type, or poisoned is refused', async () => {
  expect(await post('{')).toEqual([400, error('bad_request')])
  expect(await post('<a/>', 'text/xml')).toEqual([415, error('unsupported_media_type')])
  expect(await post('{"__proto__":{"admin":true}}')).toEqual([400, error('bad_request')])
})

test('an error of a route below 500 is told word for word', async () => {
  expect(await get('/refused')).toEqual([400, error('bad_request', '`time` is no time')])
})

test('a fault is told as one, and its cause is in the log alone', async () => {
  const broken = await get('/broken')
  expect(broken).toEqual([500, error('internal')])
  const overloaded = await get('/overloaded')
  expect(overloaded).toEqual([503, error('unavailable')])
  expect(JSON.stringify([broken, overloaded])).not.toContain('secret')
  expect(lines.join('')).toContain('password of /var/secret is wrong')
  expect(lines.join('')).toContain('/dev/secret is full')
})

/** Another server in place of the one of all tests, with a route of its own. */
async function serveInstead(add: (server: FastifyInstance) => void): Promise<void> {
  await http.close()
  const log = createLog({ service: 'audit', instance: 'audit-1' })
  http = createHttp({ log, metrics: createMetrics('audit'), health })
  add(http)
  base = await http.listen({ host: '127.0.0.1', port: 0 })
}

test('a request under way is answered while the server closes, then its socket ends', async () => {
  const entered = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  await serveInstead((server) => {
    server.addHook('preClose', async () => release.resolve())
    server.get('/slow', async () => {
      entered.resolve()
      await release.promise
      return { done: true }
    })
  })
  const slow = fetch(`${base}/slow`)
  await entered.promise
  const closed = http.close()
  const response = await slow
  expect(response.headers.get('connection')).toBe('close')
  expect(await response.json()).toEqual({ done: true })
  await closed
})

test('a stream that has begun does not keep the server once it has ended', async () => {
  const stream = new PassThrough()
  await serveInstead((server) => {
    server.get('/stream', async (_request, reply) => reply.send(stream))
  })
  stream.write('begun ')
  const response = await fetch(`${base}/stream`)
  const closed = http.close()
  await waitFor(() => !http.server.listening, { deadlineMs: 5000, what: 'the end of listening' })
  stream.end('and ended')
  expect(await response.text()).toBe('begun and ended')
  await closed
})

test('bytes that are no HTTP request get an error in the same form', async () => {
  const answer = await raw('EHLO there\r\n\r\n')
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
  expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toEqual(error('bad_request'))
})

test('headers beyond the limit are refused', async () => {
  const filler = `x: ${'x'.repeat(HEADER_BYTES_MAX)}`
  const answer = await raw(`GET /healthz HTTP/1.1\r\nhost: a\r\n${filler}\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 431 /)
  expect(answer).toContain('headers_too_large')
})

test('a request that does not arrive in time is ended', async () => {
  const answer = await raw(
    'POST /echo HTTP/1.1\r\nhost: a\r\n' +
      'content-length: 10\r\ncontent-type: application/json\r\n\r\n1',
  )
  expect(answer).toMatch(/^HTTP\/1\.1 408 /)
  expect(answer).toContain('request_timeout')
})
