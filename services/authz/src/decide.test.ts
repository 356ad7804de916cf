import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type DecisionRecord,
  type Identity,
  isDecisionLine,
  parseJournalBatch,
} from '@verdict/contract'
import { type Journal, openJournal } from '@verdict/journal'
import { temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { type Answer, Decider, type DeciderOptions } from './decide.ts'
import { AuthzError, AuthzErrorCode } from './errors.ts'
import type { Attributes, DecisionRequest } from './request.ts'

const ALICE: Identity = {
  status: 'verified',
  subject: 'alice',
  issuer: 'https://issuer',
  claims: { roles: ['customer'] },
}
const WAITING = { gone: false }
const REVISION = 'a'.repeat(64)

/** A decider on a journal of its own; `decision` is what the policy gives. */
async function setUp(decision: unknown, options: Partial<DeciderOptions> = {}) {
  const scratch = temporaryDirectory()
  const dir = join(scratch.path, 'journal')
  const journal = await openJournal({ dir, instanceName: 'authz-test' })
  const inputs: object[] = []
  const events: string[] = []
  const evaluate = (_entrypoint: string, input: object): unknown => {
    inputs.push(input)
    if (decision instanceof Error) throw decision
    return decision
  }
  const decider = new Decider({
    identifier: { identify: () => ALICE },
    policy: () => ({
      policy: {
        revision: REVISION,
        entrypoints: [],
        spent: 0,
        remembered: false,
        labels: [],
        inputText: undefined,
        evaluate,
      },
      revision: REVISION,
      entrypoint: 'a/b',
    }),
    journal,
    requestsMax: 10,
    events: {
      decided: (outcome) => events.push(outcome),
      faulted: (fault) => events.push(fault.code),
      evaluated: () => undefined,
      ambiguous: () => undefined,
    },
    ...options,
  })
  const stack = new AsyncDisposableStack()
  stack.use(scratch)
  stack.use(journal)
  return {
    decider,
    journal,
    inputs,
    events,
    records: () => recordsIn(dir),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** What the journal of a directory holds; the stop of a process would change nothing of it. */
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

function asking(http: object = {}, attributes: Attributes = {}): DecisionRequest {
  return {
    protocol: 'envoy-grpc',
    attributes: { ...attributes, request: { http: { method: 'GET', path: '/', ...http } } },
    receivedMs: performance.now(),
    verdictIsStatus: false,
  }
}

async function fault(decided: Promise<Answer>): Promise<AuthzError> {
  return await decided.then(
    () => expect.fail('there was a decision'),
    (thrown: unknown) => {
      expect(thrown).toBeInstanceOf(AuthzError)
      return thrown as AuthzError
    },
  )
}

test('a decision is on disk when it is answered', async () => {
  await using point = await setUp({ allowed: true, reason: 'because' })
  const answer = await point.decider.decide(asking({ path: '/a?token=secret' }), WAITING)
  expect(answer).toMatchObject({ outcome: 'allow', status: 200, unreadable: false })
  expect(point.journal.lastDurable).toBe(1)
  const [record] = point.records()
  expect(record).toMatchObject({
    id: answer.id,
    outcome: 'allow',
    reason: 'because',
    status: 200,
    principal: 'alice',
    policy: { entrypoint: 'a/b', revision: REVISION },
    request: { path: '/a' },
  })
  expect(JSON.stringify(record)).not.toContain('secret')
  expect(point.events).toEqual(['allow'])
})

test('the policy gets the input document with who calls', async () => {
  await using point = await setUp(true)
  const headers = { 'content-type': 'application/json' }
  const http = { path: '/a/b?c=d', headers, body: '{"x":1}' }
  await point.decider.decide(asking(http, { source: { principal: 'spiffe://td/a' } }), WAITING)
  expect(point.inputs).toEqual([
    {
      attributes: {
        source: { principal: 'spiffe://td/a' },
        request: { http: { method: 'GET', ...http } },
      },
      identity: ALICE,
      parsed_path: ['a', 'b'],
      parsed_query: { c: ['d'] },
      parsed_body: { x: 1 },
      truncated_body: false,
      source_principal: 'spiffe://td/a',
      version: { encoding: 'protojson', ext_authz: 'v3' },
    },
  ])
})

test('a denial is recorded with its status and reason', async () => {
  await using point = await setUp({ allowed: false, http_status: 404, reason: 'hidden' })
  const answer = await point.decider.decide(asking(), WAITING)
  expect(answer).toMatchObject({ outcome: 'deny', status: 404 })
  expect(point.records()).toMatchObject([{ outcome: 'deny', status: 404, reason: 'hidden' }])
})

test('the bearer of an invalid token is challenged, and the policy is not asked', async () => {
  const identity: Identity = { status: 'invalid', reason: 'expired' }
  await using point = await setUp(true, { identifier: { identify: () => identity } })
  const answer = await point.decider.decide(asking(), WAITING)
  expect(answer).toMatchObject({ outcome: 'unauthenticated', status: 401 })
  expect(answer.result.headers).toContainEqual([
    'www-authenticate',
    'Bearer error="invalid_token", error_description="the token is expired"',
  ])
  expect(point.inputs).toEqual([])
  expect(point.records()).toMatchObject([
    {
      outcome: 'unauthenticated',
      status: 401,
      reason: 'expired',
      identity: { status: 'invalid', reason: 'expired' },
      policy: {},
    },
  ])
})

test.each([
  ['a path', { path: '/%2' }, 'unknown'],
  ['a body', { headers: { 'content-type': 'application/json' }, body: '{' }, 'verified'],
])('%s that can not be read is denied with 400, on record', async (_name, http, status) => {
  await using point = await setUp(true)
  const answer = await point.decider.decide(asking(http), WAITING)
  expect(answer).toMatchObject({ outcome: 'deny', status: 400, unreadable: true })
  expect(answer.result.body).toMatch(/^request_parse_error: /)
  expect(point.inputs).toEqual([])
  expect(point.records()).toMatchObject([{ outcome: 'deny', status: 400, identity: { status } }])
})

test.each([
  ['a policy that fails', new Error('trap'), 'policy_failed', 500],
  ['a policy without a decision', undefined, 'decision_undefined', 500],
  ['a decision that is none', { allowed: 'yes' }, 'decision_invalid', 500],
])('%s is a fault on record', async (_name, decision, code, status) => {
  await using point = await setUp(decision)
  const thrown = await fault(point.decider.decide(asking(), WAITING))
  expect(thrown.code).toBe(code)
  const policy = { entrypoint: 'a/b', revision: REVISION }
  expect(point.records()).toMatchObject([
    { id: thrown.decisionId, outcome: 'error', reason: code, status, principal: 'alice', policy },
  ])
  expect(point.events).toEqual([code, 'error'])
})

test('no policy is a fault on record', async () => {
  await using point = await setUp(true, { policy: () => undefined })
  expect((await fault(point.decider.decide(asking(), WAITING))).code).toBe('policy_missing')
  expect(point.records()).toMatchObject([
    { outcome: 'error', reason: 'policy_missing', policy: {} },
  ])
})

test('a caller that nobody can identify gets a fault, never a denial', async () => {
  const identify = async (): Promise<Identity> => {
    throw new AuthzError(AuthzErrorCode.identityUnavailable, 'authn is silent')
  }
  await using point = await setUp(true, { identifier: { identify } })
  const thrown = await fault(point.decider.decide(asking(), WAITING))
  expect(thrown).toMatchObject({ code: 'identity_unavailable', message: 'authn is silent' })
  expect(point.records()).toMatchObject([
    {
      outcome: 'error',
      reason: 'identity_unavailable',
      status: 503,
      principal: 'unknown',
      identity: { status: 'unknown' },
      policy: {},
    },
  ])
})

test('a fault that nobody foresaw is told as one, and recorded', async () => {
  const identify = (): never => {
    throw new TypeError('broken')
  }
  await using point = await setUp(true, { identifier: { identify } })
  expect(await fault(point.decider.decide(asking(), WAITING))).toMatchObject({
    code: 'internal',
    message: 'broken',
  })
  expect(point.records()).toMatchObject([{ outcome: 'error', reason: 'internal' }])
})

test('without a record there is no decision', async () => {
  await using point = await setUp(true)
  await point.journal.close()
  const thrown = await fault(point.decider.decide(asking(), WAITING))
  expect(thrown.code).toBe('record_failed')
  expect(thrown.message).toContain('is closed')
  expect(thrown.decisionId).toBeUndefined()
  expect(point.events).toEqual(['record_failed'])
})

test('a fault that can not be recorded is still told as what it is', async () => {
  await using point = await setUp(undefined)
  await point.journal.close()
  const thrown = await fault(point.decider.decide(asking(), WAITING))
  expect(thrown).toMatchObject({ code: 'decision_undefined', decisionId: undefined })
  expect(point.events).toEqual(['decision_undefined'])
})

test('a disk that fails under a decision leaves it undecided', async () => {
  const scratch = temporaryDirectory()
  const journal: Journal = await openJournal({
    dir: join(scratch.path, 'journal'),
    files: {
      write: async (_fd, bytes) => bytes.length,
      fdatasync: async () => {
        throw new Error('EIO')
      },
    },
  })
  await using point = await setUp(true, { journal })
  const thrown = await fault(point.decider.decide(asking(), WAITING))
  expect(thrown.code).toBe('record_failed')
  expect(point.events).toEqual(['record_failed'])
  await journal.close()
  await scratch[Symbol.asyncDispose]()
})

test('who stopped waiting while authn was asked gets no decision and no record', async () => {
  const asked = Promise.withResolvers<Identity>()
  await using point = await setUp(true, { identifier: { identify: () => asked.promise } })
  const caller = { gone: false }
  const decided = point.decider.decide(asking(), caller)
  caller.gone = true
  asked.resolve(ALICE)
  expect((await fault(decided)).code).toBe('deadline_exceeded')
  expect(point.inputs).toEqual([])
  expect(point.records()).toEqual([])
})

test('a decision that comes too late by the clock is neither recorded nor answered', async () => {
  const caller = { gone: false, deadlineMs: performance.now() + 10 }
  const identify = (): Identity => {
    // As work that blocks: no timer fires.
    while (performance.now() < caller.deadlineMs);
    return ALICE
  }
  await using point = await setUp(true, { identifier: { identify } })
  expect((await fault(point.decider.decide(asking(), caller))).code).toBe('deadline_exceeded')
  expect(point.records()).toEqual([])
  expect(point.events).toEqual(['deadline_exceeded'])
})

test('a fault that nobody waits for is not recorded', async () => {
  const caller = { gone: false }
  const identify = (): never => {
    caller.gone = true
    throw new Error('broken')
  }
  await using point = await setUp(true, { identifier: { identify } })
  expect((await fault(point.decider.decide(asking(), caller))).code).toBe('deadline_exceeded')
  expect(point.records()).toEqual([])
  expect(point.events).toEqual(['deadline_exceeded'])
})

test('what becomes durable too late is on record, and not answered', async () => {
  const caller = { gone: false }
  const lines: string[] = []
  const journal: DeciderOptions['journal'] = {
    append: async (encode) => {
      const position = { instance: 'authz-test', epoch: 1, n: 1, prev: 'a'.repeat(64) }
      lines.push(encode(position as never))
      caller.gone = true
      return position as never
    },
  }
  await using point = await setUp(true, { journal })
  expect((await fault(point.decider.decide(asking(), caller))).code).toBe('deadline_exceeded')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('"outcome":"allow"')
  expect(point.events).toEqual(['allow', 'deadline_exceeded'])
})

test('a disk that hangs holds no caller, and the request stays in flight', async () => {
  const journal = { append: () => new Promise<never>(() => {}) }
  await using point = await setUp(true, { journal, decisionTimeoutMs: 20 })
  expect((await fault(point.decider.decide(asking(), WAITING))).code).toBe('deadline_exceeded')
  expect(point.decider.inFlight).toBe(1)
  expect(point.events).toEqual(['deadline_exceeded'])
})

test('authn that is silent holds no caller, and what it says later is for nobody', async () => {
  const asked = Promise.withResolvers<Identity>()
  const identifier = { identify: () => asked.promise }
  await using point = await setUp(true, { identifier, decisionTimeoutMs: 20 })
  expect((await fault(point.decider.decide(asking(), WAITING))).code).toBe('deadline_exceeded')
  asked.resolve(ALICE)
  await waitFor(() => point.decider.inFlight === 0, { deadlineMs: 5_000, what: 'the work to end' })
  expect(point.inputs).toEqual([])
  expect(point.records()).toEqual([])
  expect(point.events).toEqual(['deadline_exceeded'])
})

test('more requests than may be in flight are turned away at once', async () => {
  const asked = Promise.withResolvers<Identity>()
  const identifier = { identify: () => asked.promise }
  await using point = await setUp(true, { identifier, requestsMax: 2 })
  const first = [1, 2].map(() => point.decider.decide(asking(), WAITING))
  expect((await fault(point.decider.decide(asking(), WAITING))).code).toBe('overloaded')
  expect(point.decider.inFlight).toBe(2)
  asked.resolve(ALICE)
  expect(await Promise.all(first)).toHaveLength(2)
  expect(point.decider.inFlight).toBe(0)
  expect(await point.decider.decide(asking(), WAITING)).toMatchObject({ outcome: 'allow' })
})

test('headers in our name are removed unless the policy overwrites them', async () => {
  const headers = { 'x-verdict-principal': 'alice' }
  await using point = await setUp({ allowed: true, headers, request_headers_to_remove: ['cookie'] })
  const forged = { 'x-verdict-principal': 'root', 'x-verdict-role': 'admin', 'x-verdictive': '1' }
  const plain = await point.decider.decide(asking({ headers: forged }), WAITING)
  expect(plain.headersToRemove).toEqual(['cookie', 'x-verdict-role'])
  const raw = [{ key: 'X-Verdict-Role', value: 'admin' }]
  const mapped = await point.decider.decide(asking({ headerMap: { headers: raw } }), WAITING)
  expect(mapped.headersToRemove).toEqual(['cookie', 'X-Verdict-Role'])
})

test.each([
  [200, 403],
  [503, 403],
  [302, 302],
  [429, 429],
])('where the status is the verdict a denial with %d is told as %d', async (wanted, told) => {
  await using point = await setUp({ allowed: false, http_status: wanted })
  const asked = { ...asking(), verdictIsStatus: true }
  expect((await point.decider.decide(asked, WAITING)).status).toBe(told)
  expect((await point.decider.decide(asking(), WAITING)).status).toBe(wanted)
  expect(point.records().map(({ status }) => status)).toEqual([told, wanted])
})

test('the record tells where, from whom and under which trace', async () => {
  await using point = await setUp(true)
  const headers = {
    'x-request-id': 'r-1',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    authorization: 'Bearer secret',
  }
  const http = { host: 'shop.local:80', scheme: 'https', headers }
  const socketAddress = { address: '10.0.0.7', portValue: 40111 }
  const source = { address: { socketAddress }, principal: 'spiffe://td/ns/shop/sa/web' }
  await point.decider.decide(asking(http, { source }), WAITING)
  const [record] = point.records()
  expect(record).toMatchObject({
    source: { address: '10.0.0.7', principal: 'spiffe://td/ns/shop/sa/web' },
    destination: { service: 'shop.local' },
    request: {
      host: 'shop.local:80',
      id: 'r-1',
      method: 'GET',
      path: '/',
      scheme: 'https',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    },
    identity: { status: 'verified', subject: 'alice', issuer: 'https://issuer' },
    instance: 'authz-test',
    n: 1,
    v: 1,
  })
  expect(record?.durationUs).toBeGreaterThan(0)
  expect(JSON.stringify(record)).not.toContain('secret')
})
