import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { waitFor } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import {
  asking,
  fetchingBundle,
  type Respond,
  startService,
} from '../../test/services-under-test.ts'
import { ANSWER_BYTES_MAX } from './exchange.ts'
import { FETCHES_UNDER_WAY_MAX, REDIRECTS_MAX } from './fetcher.ts'
import { FETCH_QUESTIONS_MAX } from './inquiry.ts'

vi.setConfig({ testTimeout: 60_000 })

const REGO = `
x := http.send(input.request)

all := [r.status_code |
	some n in numbers.range(1, input.n)
	r := http.send({"method": "GET", "url": sprintf("%s/%d", [input.url, n]), "timeout": "50s"})
]
`
const bundle = await fetchingBundle(REGO, ['p/x', 'p/all'])
const NEVER: Respond = () => {}
const WAIT = { deadlineMs: 20_000 }

async function answering(respond: Respond) {
  const service = await startService(respond)
  const ask = await asking(bundle, [`127.0.0.1:${service.port}`])
  const request = { method: 'GET', url: service.url }
  const asked = async (more: object = {}) =>
    (await ask('x', { request: { ...request, ...more } })).value
  return { service, ask, asked, request }
}

test('an answer may be so long, and not a byte longer', async () => {
  const { service, asked } = await answering((request, response) => {
    response.end(Buffer.alloc(Number(request.url?.slice(1)), 'a'))
  })
  await using _ = service
  const whole = (await asked({ url: `${service.url}/${ANSWER_BYTES_MAX}` })) as { raw_body: string }
  expect(whole.raw_body).toHaveLength(ANSWER_BYTES_MAX)
  const url = `${service.url}/${ANSWER_BYTES_MAX + 1}`
  await expect(asked({ url, raise_error: false })).rejects.toMatchObject({
    code: 'fetch_answer_too_large',
  })
})

test.each<[string, Respond]>([
  ['that has no end', (_, response) => void Readable.from(forEver()).pipe(response)],
  [
    'that unpacks to more than it may be',
    (_, response) => {
      response.setHeader('content-encoding', 'gzip')
      response.end(gzipSync(Buffer.alloc(ANSWER_BYTES_MAX + 1)))
    },
  ],
])('an answer %s is a fault', async (_what, respond) => {
  const { service, asked } = await answering(respond)
  await using _ = service
  await expect(asked()).rejects.toMatchObject({ code: 'fetch_answer_too_large' })
})

function* forEver(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(65_536)
}

test('an answer that never comes is none after its timeout', async () => {
  const { service, asked } = await answering(NEVER)
  await using _ = service
  expect(await asked({ timeout: '50ms' })).toBeUndefined()
  expect(await asked({ timeout: '50ms', raise_error: false })).toEqual({
    status_code: 0,
    error: {
      code: 'eval_http_send_network_error',
      message: expect.stringContaining('request timed out'),
    },
  })
})

test('an answer that never ends is none after its timeout', async () => {
  const { service, asked } = await answering((_, response) => {
    response.writeHead(200).write('a')
  })
  await using _ = service
  // Long enough for the headers to be there, on a busy machine.
  expect(await asked({ timeout: '3s', raise_error: false })).toMatchObject({
    status_code: 0,
    error: { code: 'eval_http_send_internal_error' },
  })
})

test('an evaluation ends at its deadline, and lets go of the services that it asked', async () => {
  const requests: IncomingMessage[] = []
  const { service, ask, request } = await answering((asked) => void requests.push(asked))
  await using _ = service
  const deadlineMs = performance.now() + 300
  const late = ask('x', { request: { ...request, timeout: '50s' } }, { deadlineMs })
  await expect(late).rejects.toMatchObject({ code: 'fetch_overdue' })
  await waitFor(() => requests[0]?.socket.destroyed, { ...WAIT, what: 'the request is ended' })
  const past = ask('x', { request }, { deadlineMs: performance.now() })
  await expect(past).rejects.toMatchObject({ code: 'fetch_overdue' })
  expect(service.asked).toHaveLength(1)
})

test('so many questions may be under way in a process, and then evaluations fail', async () => {
  const { service, ask, request } = await answering(NEVER)
  await using _ = service
  const evaluations = FETCHES_UNDER_WAY_MAX / FETCH_QUESTIONS_MAX
  const deadlineMs = performance.now() + 2_000
  const waiting = Array.from({ length: evaluations }, () =>
    ask('all', { n: FETCH_QUESTIONS_MAX, url: service.url }, { deadlineMs }),
  )
  const ended = Promise.allSettled(waiting)
  await expect(ask('x', { request })).rejects.toMatchObject({ code: 'fetch_overloaded' })
  for (const { status } of await ended) expect(status).toBe('rejected')
  await expect(ask('x', { request: { ...request, timeout: '10ms' } })).resolves.toBeDefined()
})

test('redirects are followed so often', async () => {
  const { service, asked } = await answering((_, response) => {
    response.writeHead(302, { location: '/' }).end()
  })
  await using _ = service
  const told = await asked({ enable_redirect: true, raise_error: false })
  expect(told).toMatchObject({ error: { code: 'eval_http_send_network_error' } })
  expect(service.asked).toHaveLength(REDIRECTS_MAX + 1)
})

test('a request is tried again as often as it says', async () => {
  let tries = 0
  const { service, asked } = await answering((request, response) => {
    if (++tries % 3 === 0) response.setHeader('connection', 'close').end('a')
    else request.socket.destroy()
  })
  await using _ = service
  expect(await asked({ max_retry_attempts: 2 })).toMatchObject({ raw_body: 'a' })
  expect(await asked({ max_retry_attempts: 1 })).toBeUndefined()
  expect(tries).toBe(5)
})

test('a request that a closing connection swallows is sent again where that changes nothing', async () => {
  const seen = new Set<Socket>()
  const { service, asked } = await answering((request, response) => {
    if (seen.has(request.socket)) return void request.socket.destroy()
    seen.add(request.socket)
    response.end('a')
  })
  await using _ = service
  expect(await asked()).toMatchObject({ raw_body: 'a' })
  expect(await asked()).toMatchObject({ raw_body: 'a' })
  expect(service.asked).toHaveLength(3)
  expect(await asked({ method: 'POST' })).toBeUndefined()
  expect(service.asked).toHaveLength(4)
})

test('what is read of an answer is paid for', async () => {
  const { service, ask, request } = await answering((_, response) => {
    response.end(Buffer.alloc(100_000, 'a'))
  })
  await using _ = service
  const poor = ask('x', { request }, { unitsMax: 100_000 })
  await expect(poor).rejects.toMatchObject({ code: 'budget_exhausted' })
  const rich = await ask('x', { request })
  expect(rich.spent).toBeGreaterThan(100_000)
})
