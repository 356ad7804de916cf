import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort, opaBinary, temporaryDirectory, waitFor, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { asking, fetchingBundle, startService } from '../../test/services-under-test.ts'
import { objectOf } from '../value/compare.ts'
import { FetchCache } from './cache.ts'

vi.setConfig({ testTimeout: 60_000 })

const REGO = 'x := http.send(input.request).body\n'
const bundle = await fetchingBundle(REGO, ['p/x'])
const HOUR_MS = 3_600_000

/** What decides whether an answer may be given again, by path, with what the request says. */
const CASES: Readonly<Record<string, { status?: number; headers?: object; request?: object }>> = {
  '/plain': {},
  '/max-age': { headers: { 'cache-control': 'public, max-age=60' } },
  '/max-age-0': { headers: { 'cache-control': 'max-age=0' } },
  '/max-age-odd': { headers: { 'cache-control': 'max-age="60"' } },
  '/max-age-huge': { headers: { 'cache-control': 'max-age=99999999999999' } },
  '/no-store': { headers: { 'cache-control': 'no-store, max-age=60' } },
  '/no-store-forced': {
    headers: { 'cache-control': 'no-store' },
    request: { force_cache: true, force_cache_duration_seconds: 60 },
  },
  '/forced-0': { request: { force_cache: true, force_cache_duration_seconds: 0 } },
  '/expires': { headers: { expires: new Date(Date.now() + HOUR_MS).toUTCString() } },
  '/expired': { headers: { expires: 'Thu, 01 Jan 1970 00:00:00 GMT' } },
  '/not-found': { status: 404, headers: { 'cache-control': 'max-age=60' } },
  '/fault': { status: 500, headers: { 'cache-control': 'max-age=60' } },
  '/fault-forced': {
    status: 500,
    request: { force_cache: true, force_cache_duration_seconds: 60 },
  },
  '/etag': { headers: { etag: '"a"', 'cache-control': 'max-age=0' } },
  '/etag-alone': { headers: { etag: '"a"' } },
  '/modified': { headers: { 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' } },
  '/changed': { headers: { etag: '"a"', 'x-changed': '200' } },
  '/gone': { headers: { etag: '"a"', 'x-changed': '410' } },
  '/not-cached': { headers: { 'cache-control': 'max-age=60' }, request: { cache: false } },
  '/ignoring': {
    headers: { 'cache-control': 'max-age=60' },
    request: { headers: { 'x-id': 'ID' }, cache_ignored_headers: ['x-id'] },
  },
  '/telling-apart': {
    headers: { 'cache-control': 'max-age=60' },
    request: { headers: { 'x-id': 'ID' } },
  },
}

/** Counts, in its answers, how often it was asked; an answer that is unchanged has no body. */
async function startCounting() {
  const counts = new Map<string, number>()
  return await startService((request, response) => {
    const path = request.url ?? ''
    const count = (counts.get(path) ?? 0) + 1
    counts.set(path, count)
    const { status = 200, headers = {} } = CASES[path] ?? {}
    const { 'x-changed': changed, ...told } = headers as Partial<Record<string, string>>
    const isAskedAgain = ['if-none-match', 'if-modified-since'].some(
      (name) => request.headers[name],
    )
    const said = isAskedAgain ? Number(changed ?? 304) : status
    response.writeHead(said, { 'content-type': 'application/json', ...told })
    response.end(said === 304 ? undefined : JSON.stringify(count))
  })
}

type Ask = (request: object) => Promise<unknown>

/** What three evaluations, one after the other, get to know, and what the service was asked. */
async function observed(open: (host: string) => Promise<Ask>): Promise<Record<string, unknown>> {
  await using service = await startCounting()
  const ask = await open(`127.0.0.1:${service.port}`)
  const seen: Record<string, unknown> = {}
  for (const [path, { request }] of Object.entries(CASES)) {
    const before = service.asked.length
    const answers: unknown[] = []
    for (const id of ['1', '2', '3']) {
      const asked = { method: 'GET', url: service.url + path, cache: true, ...request }
      answers.push(await ask(JSON.parse(JSON.stringify(asked).replace('"ID"', `"${id}"`))))
    }
    seen[path] = { answers, asked: service.asked.length - before }
  }
  return seen
}

async function observedByOpa(): Promise<Record<string, unknown>> {
  await using scratch = temporaryDirectory()
  writeFiles(scratch.path, { 'p.rego': `package p\n\n${REGO}` })
  const url = `http://127.0.0.1:${await freePort()}`
  const args = ['run', '--server', '--addr', url.slice('http://'.length), 'p.rego']
  const opa = spawn(await opaBinary(), args, { cwd: scratch.path, stdio: 'ignore' })
  try {
    const isUp = async () => (await fetch(`${url}/health`).catch(() => undefined))?.ok
    await waitFor(isUp, { deadlineMs: 20_000, what: 'opa answers' })
    return await observed(async () => async (request) => {
      const body = JSON.stringify({ input: { request } })
      const answer = await fetch(`${url}/v1/data/p/x`, { method: 'POST', body })
      return ((await answer.json()) as { result?: unknown }).result
    })
  } finally {
    opa.kill('SIGKILL')
    await once(opa, 'exit')
  }
}

test('what is answered from the cache, and what is asked again, is as in OPA', async () => {
  const ours = await observed(async (host) => {
    const ask = await asking(bundle, [host])
    return async (request) => (await ask('x', { request })).value
  })
  expect(ours['/max-age']).toEqual({ answers: [1, 1, 1], asked: 1 })
  expect(ours).toEqual(await observedByOpa())
})

test('an answer that is fresh is there without a round', async () => {
  await using service = await startCounting()
  const ask = await asking(bundle, [`127.0.0.1:${service.port}`])
  const request = { method: 'GET', url: `${service.url}/max-age`, cache: true }
  let turns = 0
  const turn = <T>(evaluate: () => T): T => {
    turns++
    return evaluate()
  }
  const first = await ask('x', { request }, { turn })
  const second = await ask('x', { request }, { turn })
  expect([first, second]).toEqual([
    expect.objectContaining({ value: 1, fetched: 1 }),
    expect.objectContaining({ value: 1, fetched: 1 }),
  ])
  expect(turns).toBe(1)
  const later = BigInt(Date.now() + HOUR_MS) * 1_000_000n
  expect((await ask('x', { request }, { nowNs: later })).value).toBe(2)
})

test('what is kept fits into its bytes, and what was used longest ago makes room', () => {
  const kept = (bytes: number) => ({
    response: { status: '', statusCode: 200, headers: new Map(), body: Buffer.alloc(bytes) },
    value: objectOf([]),
    freshUntilMs: 0,
  })
  const cache = new FetchCache(64_000)
  for (const key of ['a', 'b']) cache.set(key, kept(2_000))
  expect(cache.get('a')).toBeDefined()
  cache.set('c', kept(2_000))
  expect(cache.get('b')).toBeUndefined()
  expect(cache.get('a')).toBeDefined()
  cache.set('a', kept(64_000))
  expect(cache.get('a')).toBeUndefined()
  cache.delete('c')
  expect(cache.bytes).toBe(0)
})
