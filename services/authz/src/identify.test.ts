import type { IdentifyReply, IdentifyRequest, Identity } from '@verdict/contract'
import { expect, test } from 'vitest'
import { credentialsOf, Identifier } from './identify.ts'

const ALICE: Identity = { status: 'verified', subject: 'alice', issuer: 'https://issuer' }

/** authn as a function, a clock that the test moves, and what happened. */
function setUp(
  answer: (request: IdentifyRequest) => unknown,
  options: { entriesMax?: number } = {},
) {
  const asked: IdentifyRequest[] = []
  const seen = { hits: 0, misses: 0 }
  const clock = { nowMs: 1_000 }
  const identifier = new Identifier({
    ask: async (payload) => {
      const request = JSON.parse(Buffer.from(payload).toString())
      asked.push(request)
      return Buffer.from(JSON.stringify(await answer(request)))
    },
    entriesMax: options.entriesMax ?? 10,
    events: {
      identityCacheHit: () => {
        seen.hits++
      },
      identityCacheMiss: () => {
        seen.misses++
      },
    },
    now: () => clock.nowMs,
  })
  return { identifier, asked, seen, clock }
}

function until(cacheUntilMs: number): IdentifyReply {
  return { identity: ALICE, cacheUntilMs }
}

test('a remembered identity is there at once, without a question', async () => {
  const { identifier, asked, seen } = setUp(() => until(2_000))
  expect(await identifier.identify({ authorization: 'Bearer a' })).toEqual(ALICE)
  expect(identifier.identify({ authorization: 'Bearer a' })).toEqual(ALICE)
  expect(asked).toEqual([{ authorization: 'Bearer a' }])
  expect(seen).toEqual({ hits: 1, misses: 1 })
})

test('an identity is forgotten when authn said so', async () => {
  const { identifier, asked, clock } = setUp(() => until(2_000))
  await identifier.identify({})
  clock.nowMs = 1_999
  expect(identifier.identify({})).toEqual(ALICE)
  clock.nowMs = 2_000
  await identifier.identify({})
  expect(asked).toHaveLength(2)
})

test('an identity that must not be remembered is not', async () => {
  const { identifier, asked } = setUp(() => until(0))
  await identifier.identify({})
  await identifier.identify({})
  expect(asked).toHaveLength(2)
})

test('callers with the same credentials share one question', async () => {
  const { identifier, asked } = setUp(() => until(0))
  const all = Array.from({ length: 50 }, () => identifier.identify({ authorization: 'Bearer a' }))
  expect(await Promise.all(all)).toEqual(all.map(() => ALICE))
  expect(asked).toHaveLength(1)
})

test('each part of the credentials counts, and none is taken for another', async () => {
  const { identifier, asked } = setUp(() => until(9_000))
  const different: IdentifyRequest[] = [
    {},
    { authorization: '' },
    { authorization: 'ab' },
    { authorization: 'a', sourcePrincipal: 'b' },
    { sourcePrincipal: 'ab' },
    { forwardedClientCert: 'ab' },
    { authorization: 'a', forwardedClientCert: 'b' },
    { authorization: 'undefined' },
    { sourcePrincipal: 'undefined' },
  ]
  for (const credentials of different) await identifier.identify(credentials)
  expect(asked).toEqual(different)
})

test('the identity that was used longest ago makes room', async () => {
  const { identifier, asked } = setUp(() => until(9_000), { entriesMax: 2 })
  await identifier.identify({ authorization: 'a' })
  await identifier.identify({ authorization: 'b' })
  expect(identifier.identify({ authorization: 'a' })).toEqual(ALICE)
  await identifier.identify({ authorization: 'c' })
  expect(identifier.identify({ authorization: 'a' })).toEqual(ALICE)
  expect(await identifier.identify({ authorization: 'b' })).toEqual(ALICE)
  expect(asked.map(({ authorization }) => authorization)).toEqual(['a', 'b', 'c', 'b'])
})

test.each([
  ['a fault of authn', { error: { code: 'key_set_unavailable', message: 'no keys' } }, /no keys/],
  ['an identity without a status', { identity: {}, cacheUntilMs: 9_000 }, /no identity/],
  ['an unknown status', { identity: { status: 'root' }, cacheUntilMs: 9_000 }, /no identity/],
  ['no time', { identity: ALICE }, /no identity/],
  ['nothing', null, /no identity/],
])('%s is a fault, and is not remembered', async (_name, reply, message) => {
  const { identifier, asked } = setUp(() => reply)
  for (let time = 1; time <= 2; time++) {
    await expect(identifier.identify({})).rejects.toMatchObject({
      code: 'identity_unavailable',
      message: expect.stringMatching(message),
    })
    expect(asked).toHaveLength(time)
  }
})

test('authn out of reach is a fault', async () => {
  const { identifier } = setUp(() => {
    throw new Error('no responders')
  })
  await expect(identifier.identify({})).rejects.toMatchObject({
    code: 'identity_unavailable',
    message: "authn can't tell who calls: no responders",
  })
})

test('credentials are read from either form of headers, repeated ones together', () => {
  const of = (http: object) =>
    credentialsOf({
      protocol: 'envoy-grpc',
      attributes: { source: { principal: 'spiffe://td/a' }, request: { http } },
      receivedMs: 0,
      verdictIsStatus: false,
    })
  const sourcePrincipal = 'spiffe://td/a'
  expect(of({})).toEqual({ sourcePrincipal })
  expect(of({ headers: { authorization: 'Bearer a', 'x-forwarded-client-cert': 'By=b' } })).toEqual(
    { sourcePrincipal, authorization: 'Bearer a', forwardedClientCert: 'By=b' },
  )
  const rawValue = Buffer.from('Bearer a').toString('base64')
  const raw = [
    { key: 'Authorization', rawValue },
    { key: 'authorization', value: 'Bearer b' },
  ]
  expect(of({ headerMap: { headers: raw } })).toEqual({
    sourcePrincipal,
    authorization: 'Bearer a,Bearer b',
  })
})
