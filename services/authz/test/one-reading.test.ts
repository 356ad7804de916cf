import type { IncomingMessage } from 'node:http'
import { create, toBinary } from '@bufbuild/protobuf'
import type { CheckAnswer, Identity } from '@verdict/contract'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalise, parseQuery } from '../src/canonicalise/canonicalise.ts'
import { type Answer, Decider } from '../src/decide.ts'
import { checkHandler } from '../src/envoy/check.ts'
import { CheckRequestSchema } from '../src/envoy/gen/envoy/service/auth/v3/external_auth_pb.ts'
import { AuthzError } from '../src/errors.ts'
import { readPluginQuestion } from '../src/http/plugin-input.ts'
import { readQuestion } from '../src/http/question.ts'
import { checkQueryHandler } from '../src/nats/check.ts'
import type { DecisionRequest } from '../src/request.ts'

/** The same request through every adapter, to one decider. */

interface Asked {
  readonly method: string
  readonly path: string
  readonly host: string
  readonly headers: Readonly<Record<string, string>>
}

const ANONYMOUS: Identity = { status: 'anonymous' }
const EVENTS = {
  decided: () => undefined,
  faulted: () => undefined,
  evaluated: () => undefined,
  ambiguous: () => undefined,
  questionRefused: () => undefined,
}

/** Its policy answers with what it was told, but for what belongs to the protocol. */
function echoing(): Decider {
  const evaluate = (_entrypoint: string, { attributes: _, ...input }: Record<string, unknown>) => ({
    allowed: false,
    body: JSON.stringify(input),
  })
  return new Decider({
    identifier: { identify: () => ANONYMOUS },
    policy: () => ({
      policy: {
        revision: '',
        entrypoints: [],
        spent: 0,
        remembered: false,
        labels: [],
        inputText: undefined,
        evaluate: evaluate as never,
      },
      revision: '',
      entrypoint: 'a/b',
    }),
    journal: {
      append: async (encode) => {
        const position = { instance: 'authz-test', epoch: 1, n: 1 }
        encode(position)
        return position
      },
    },
    requestsMax: 10,
    events: EVENTS,
  })
}

const decider = echoing()
const WAITING = { gone: false }

/** Decides what an adapter made of a question. */
async function through(ask: (held: Pick<Decider, 'decide'>) => unknown): Promise<unknown> {
  let request: DecisionRequest | undefined
  const held = {
    decide: async (asked: DecisionRequest): Promise<Answer> => {
      request = asked
      throw new AuthzError('overloaded', 'it is held')
    },
  }
  try {
    await ask(held)
  } catch {
    // Each adapter has its own way to say that there is no answer.
  }
  if (request === undefined) return 'no question'
  const { outcome, status, result } = await decider.decide(request, WAITING)
  return { outcome, status, reason: result.reason, body: result.body, canonical: readOf(request) }
}

function readOf({ attributes }: DecisionRequest): unknown {
  try {
    return canonicalise(attributes?.request?.http)
  } catch (thrown) {
    return (thrown as AuthzError).message
  }
}

function overGrpc({ method, path, host, headers }: Asked): Promise<unknown> {
  const http = { method, path, host, headers, scheme: 'http' }
  const message = create(CheckRequestSchema, { attributes: { request: { http } } })
  return through((held) => {
    const call = { gone: false } as Parameters<ReturnType<typeof checkHandler>>[1]
    return checkHandler(held, EVENTS)(toBinary(CheckRequestSchema, message), call)
  })
}

function overNats(asked: Asked): Promise<unknown> {
  const payload = Buffer.from(JSON.stringify({ ...asked, scheme: 'http' }))
  return through((held) => checkQueryHandler(held, EVENTS)(payload))
}

/** As Node gives what came over the wire. */
function overHttp(asked: Asked, target: string, own: Readonly<Record<string, string>>) {
  const rawHeaders = Object.entries({ ...asked.headers, ...own })
    .flat()
    .map(wire)
  const socket = { remoteAddress: '127.0.0.1' }
  const message = { rawHeaders, method: asked.method, httpVersion: '1.1', socket }
  const incoming = message as unknown as IncomingMessage
  return through((held) => held.decide(readQuestion(incoming, wire(target), undefined), WAITING))
}

/** As Kong posts it: the path is as it came, the query is taken apart and decoded. */
function overData({ path, ...asked }: Asked, query: string): Promise<unknown> {
  const http = { ...asked, scheme: 'http', path, querystring: parseQuery(query) }
  const body = Buffer.from(JSON.stringify({ input: { request: { http } } }))
  return through((held) => held.decide(readPluginQuestion(body).request, WAITING))
}

function wire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

const PIECES = [
  ...['/', '/', '/', 'a', 'b.c', '.', '..', '//', '?', '&', 'x=1', '#', ';', '*', '\\', 'ü', '／'],
  ...['%2e', '%2E%2e', '%2f', '%5c', '%252e', '%25', '2f', '%00', '%ff', '%c0%af', '%C3%BC'],
  ...['%zz', '%', '\0', '\t', '\ufffd', 'http://other', '+', '%20', '．', '😀'],
]
const HOSTS = ['shop.example', 'Shop.example.', 'a@b', 'shop:80', 'shop:8080', 'a,b', '', '[::1]']
const TOKENS = ['Bearer a', 'Bearer a,Bearer b', 'Digest a="b, c", d="e"']
const request = fc.record({
  method: fc.constantFrom('GET', 'get', 'PURGE', 'M-SEARCH'),
  path: fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join('')),
  host: fc.constantFrom(...HOSTS),
  authorization: fc.constantFrom(...TOKENS),
})

test('a request has one reading and one decision, by whatever protocol it is asked', async () => {
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, host, authorization }) => {
      const asked = { method, path, host, headers: { authorization, 'x-forwarded-host': host } }
      const grpc = await overGrpc(asked)
      expect(grpc).toMatchObject({ outcome: 'deny' })
      expect(await overNats(asked)).toEqual(grpc)
      const forwarded = { 'x-forwarded-uri': path, 'x-forwarded-method': method, host: 'authz' }
      expect(await overHttp(asked, '/check', forwarded)).toEqual(grpc)
      const original = { 'x-original-uri': path, 'x-original-method': method, host }
      expect(await overHttp(asked, '/check', original)).toEqual(grpc)
      if (!path.startsWith('/')) return
      expect(await overHttp(asked, `/check${path}`, { host })).toEqual(grpc)
    }),
    { numRuns: 500 },
  )
})

/** No client sends a fragment, and Kong reads queries more freely than the others. */
const PATH_PIECES = PIECES.filter((piece) => !piece.includes('?') && !piece.includes('#'))
const QUERIES = ['', 'x=1&x=2&b', 'a%2Fb=%C3%BC', 'a=+%2B&=', '__proto__=1', 'x=/a//../b']

test('a gateway that asks over the Data API gets the same reading and decision', async () => {
  const path = fc
    .array(fc.constantFrom(...PATH_PIECES), { minLength: 1, maxLength: 12 })
    .map((pieces) => pieces.join(''))
  await fc.assert(
    fc.asyncProperty(request, path, fc.constantFrom(...QUERIES), async (asked, target, query) => {
      const { method, host, authorization } = asked
      const headers = { authorization, 'x-forwarded-host': host }
      const given = { method, host, headers }
      const grpc = await overGrpc({ ...given, path: query === '' ? target : `${target}?${query}` })
      expect(grpc).toMatchObject({ outcome: 'deny' })
      expect(await overData({ ...given, path: target }, query)).toEqual(grpc)
    }),
    { numRuns: 500 },
  )
})

test('what was read, written in its canonical form, is read the same', () => {
  fc.assert(
    fc.property(request, ({ method, path, host }) => {
      let read: ReturnType<typeof canonicalise>
      try {
        read = canonicalise({ method, path, host, scheme: 'http' })
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(AuthzError)
        return
      }
      const segments = read.parsedPath.map(encodeURIComponent)
      const query = Object.entries(read.parsedQuery).flatMap(([key, values]) =>
        values.map((value) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`),
      )
      const target = `/${segments.join('/')}?${query.join('&')}`
      const again = canonicalise({ method, path: target, host: read.authority, scheme: 'http' })
      expect(again.parsedPath).toEqual(read.parsedPath)
      expect(again.parsedQuery).toEqual(read.parsedQuery)
      expect(again.authority).toBe(read.authority)
    }),
    { numRuns: 1_000 },
  )
})

test('names of headers that differ in their case are one header over NATS', async () => {
  const headers = { Authorization: 'Bearer a', authorization: 'Bearer b' }
  const asked = { method: 'GET', path: '/', host: 'shop', headers }
  const answer = (await overNats(asked)) as CheckAnswer & { body: string }
  expect(JSON.parse(answer.body).ambiguities).toEqual(['repeated_header'])
})
