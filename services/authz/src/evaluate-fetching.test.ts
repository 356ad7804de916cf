import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import {
  type DecisionRecord,
  type Identity,
  isDecisionLine,
  parseJournalBatch,
} from '@verdict/contract'
import { openJournal } from '@verdict/journal'
import { opaBinary, temporaryDirectory, waitFor, writeFiles } from '@verdict/kit'
import { buildBundle, loadPolicy } from '@verdict/policy'
import { expect, test, vi } from 'vitest'
import { settings } from './config.ts'
import { Decider } from './decide.ts'
import type { AuthzError } from './errors.ts'
import { fetcherFor } from './evaluate-fetching.ts'
import type { DecisionRequest } from './request.ts'

vi.setConfig({ testTimeout: 60_000 })

const ANONYMOUS: Identity = { status: 'anonymous' }
const WAITING = { gone: false }

/** A service that is asked by path, and answers when it is told to. */
async function startService() {
  const waiting: { readonly path: string; readonly response: ServerResponse }[] = []
  const server = createServer((request, response) => {
    waiting.push({ path: request.url ?? '', response })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    host: `127.0.0.1:${port}`,
    asked: () => waiting.map(({ path }) => path),
    answer: async (at: number, body: unknown): Promise<void> => {
      const what = `question ${at} came`
      const { response } = await waitFor(() => waiting[at], { deadlineMs: 20_000, what })
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Decides by a rule that asks a service whether the path of the request is good. */
async function setUp(decisionTimeoutMs = 20_000) {
  await using stack = new AsyncDisposableStack()
  const service = stack.use(await startService())
  const scratch = stack.use(temporaryDirectory())
  const sources = join(scratch.path, 'policies')
  const url = `sprintf("http://%s%s", [host, input.attributes.request.http.path])`
  writeFiles(sources, {
    'p.rego': `package p

allow := http.send({"method": "GET", "url": ${url}}).body.good if host := input.attributes.request.http.host

default allow := false

plain := true
`,
  })
  const opa = await opaBinary()
  const entrypoints = ['p/allow', 'p/plain']
  const bundle = await buildBundle({
    ...{ opa, sources, entrypoints, cacheDir: scratch.path, allowFetch: true },
  })
  const refusedHosts: string[] = []
  const events = { fetchRefused: (host: string) => refusedHosts.push(host) }
  const policy = await loadPolicy(bundle, { fetcher: fetcherFor([service.host], events) })
  const dir = join(scratch.path, 'journal')
  const journal = stack.use(await openJournal({ dir, instanceName: 'authz-test' }))
  const decider = new Decider({
    identifier: { identify: () => ANONYMOUS },
    policy: () => ({ policy, revision: policy.revision, entrypoint: 'p/allow' }),
    journal,
    requestsMax: 10,
    decisionTimeoutMs,
    events: {
      decided: () => undefined,
      faulted: () => undefined,
      evaluated: () => undefined,
      ambiguous: () => undefined,
    },
  })
  const held = stack.move()
  return {
    service,
    decider,
    refusedHosts,
    decide: async (http: object, more: Partial<DecisionRequest> = {}, caller = WAITING) =>
      await decider.decide({ ...asking({ host: service.host, ...http }), ...more }, caller),
    records: () => recordsIn(dir),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

function asking(http: object): DecisionRequest {
  return {
    protocol: 'envoy-grpc',
    attributes: { request: { http: { method: 'GET', path: '/', ...http } } },
    receivedMs: performance.now(),
    verdictIsStatus: false,
  }
}

function recordsIn(dir: string): DecisionRecord[] {
  const segments = readdirSync(dir).filter((name) => name.endsWith('.journal'))
  return segments.toSorted().flatMap((name) => {
    const bytes = readFileSync(join(dir, name))
    if (bytes.length === 0) return []
    return parseJournalBatch(bytes)
      .lines.filter(isDecisionLine)
      .map(({ record }) => record)
  })
}

test('a decision waits for the service that its rule asks, and holds up no other', async () => {
  await using point = await setUp()
  const slow = point.decide({ path: '/a' })
  await waitFor(() => point.service.asked().length > 0, { deadlineMs: 20_000, what: 'a question' })
  expect(await point.decide({}, { entrypoint: 'p/plain' })).toMatchObject({ outcome: 'allow' })
  await point.service.answer(0, { good: true })
  expect(await slow).toMatchObject({ outcome: 'allow' })
  const [first, second] = point.records()
  expect(first?.policy).not.toHaveProperty('fetched')
  const input = expect.stringContaining('"path":"/a"')
  expect(second?.policy).toMatchObject({ entrypoint: 'p/allow', fetched: 1, input })
})

test('no decision that asked a service is remembered', async () => {
  await using point = await setUp()
  for (const [at, outcome] of ['allow', 'deny'].entries()) {
    const decided = point.decide({ path: '/a' })
    await point.service.answer(at, { good: outcome === 'allow' })
    expect(await decided).toMatchObject({ outcome })
  }
})

test('a service that is silent is a fault, on record, before the caller is sent away', async () => {
  await using point = await setUp(500)
  const fault = await point.decide({ path: '/a' }).catch((error: AuthzError) => error)
  expect(fault).toMatchObject({ name: 'AuthzError', code: 'fetch_failed' })
  expect((fault as AuthzError).cause).toMatchObject({
    cause: expect.objectContaining({ code: 'fetch_overdue' }),
  })
  const [record] = point.records()
  expect(record).toMatchObject({ outcome: 'error', reason: 'fetch_failed', status: 503 })
})

test('a decision that nobody waits for any more is not made', async () => {
  await using point = await setUp()
  const caller = { gone: false }
  const decided = point.decide({ path: '/a' }, {}, caller).catch((error: AuthzError) => error)
  await waitFor(() => point.service.asked().length > 0, { deadlineMs: 20_000, what: 'a question' })
  caller.gone = true
  await point.service.answer(0, { good: true })
  expect(await decided).toMatchObject({ code: 'deadline_exceeded' })
  expect(point.records()).toEqual([])
})

test('a host that is not allowed gives no answer, and the operator is told', async () => {
  await using point = await setUp()
  expect(await point.decide({ host: 'elsewhere.example' })).toMatchObject({ outcome: 'deny' })
  expect(point.refusedHosts).toEqual(['elsewhere.example'])
  expect(point.service.asked()).toEqual([])
})

test('the setting takes hosts, and refuses what is none', () => {
  const { parse } = settings.fetchHosts
  expect(parse('a.example:8080, *.b.example')).toEqual(['a.example:8080', '*.b.example'])
  for (const text of ['*', 'http://a', 'a,,b', 'a b']) expect(parse(text), text).toBeUndefined()
  const none = fetcherFor([], { fetchRefused: () => undefined })
  expect(none).toBeUndefined()
})
