import { createLocalJWKSet } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import {
  AUDIENCE,
  createSigner,
  ISSUER,
  keySet,
  type Signer,
  secondsFromNow,
} from '../test/signer.ts'
import { AuthnError } from './errors.ts'
import { type IdentifyOptions, INVALID_CACHE_MS, identify } from './identify.ts'
import { ALGORITHMS } from './issuers.ts'
import type { KeySource } from './key-set.ts'
import { TokenVerifier } from './token.ts'

const CACHE_MAX_MS = 300_000
const WEB = 'spiffe://cluster.local/ns/shop/sa/web'
const unjudged: IdentifyOptions = { trustForwardedClientCert: false, cacheMaxMs: CACHE_MAX_MS }

let signer: Signer
let judged: IdentifyOptions

function optionsOf(source: KeySource): IdentifyOptions {
  const issuer = { issuer: ISSUER, audiences: [AUDIENCE], keys: { file: '' }, source }
  const issuers = [{ ...issuer, algorithms: ALGORITHMS }]
  return { ...unjudged, verifier: new TokenVerifier(issuers, { clockToleranceMs: 30_000 }) }
}

beforeAll(async () => {
  signer = await createSigner('ES256', 'k1')
  judged = optionsOf({ loaded: true, find: createLocalJWKSet(JSON.parse(keySet(signer))) })
})

/** The milliseconds for which the answer may be remembered, as of about now. */
async function remembered(authorization: string): Promise<number> {
  const before = Date.now()
  const { cacheUntilMs } = await identify({ authorization }, judged)
  expect(Number.isInteger(cacheUntilMs)).toBe(true)
  return cacheUntilMs - before
}

test('without a credential the caller is anonymous', async () => {
  expect((await identify({}, judged)).identity).toEqual({ status: 'anonymous' })
  expect((await identify({}, unjudged)).identity).toEqual({ status: 'anonymous' })
})

test('a valid token gives subject, issuer and claims, and the peer the workload', async () => {
  const authorization = `Bearer ${await signer.token({ roles: ['buyer'] })}`
  const { identity } = await identify({ authorization, sourcePrincipal: WEB }, judged)
  expect(identity).toMatchObject({
    status: 'verified',
    subject: 'alice',
    issuer: ISSUER,
    claims: { sub: 'alice', roles: ['buyer'] },
    workload: { id: WEB, from: 'source.principal' },
  })
})

test('a bad token is invalid with its reason and without its claims, workload or not', async () => {
  const authorization = `Bearer ${await signer.token({ exp: 1 })}`
  const { identity } = await identify({ authorization, sourcePrincipal: WEB }, judged)
  expect(identity).toEqual({
    status: 'invalid',
    reason: 'expired',
    workload: expect.objectContaining({ id: WEB }),
  })
})

test('two tokens in one request are malformed', async () => {
  const token = await signer.token()
  const { identity } = await identify({ authorization: `Bearer ${token}, Bearer ${token}` }, judged)
  expect(identity).toEqual({ status: 'invalid', reason: 'malformed' })
})

test('without an issuer no token is judged, and none of its claims is believed', async () => {
  const token = await signer.token()
  for (const authorization of [`Bearer ${token}`, 'Bearer garbage', 'Bearer a, Bearer b']) {
    expect((await identify({ authorization }, unjudged)).identity).toEqual({ status: 'unverified' })
  }
})

test('a scheme that is not ours is left to the policy', async () => {
  const { identity } = await identify({ authorization: 'Basic dTpw' }, judged)
  expect(identity).toEqual({ status: 'unverified' })
})

test('keys that can not be had are a fault, not a verdict about the token', async () => {
  const error = new AuthnError('keys_unavailable', 'down')
  const options = optionsOf({ loaded: false, find: () => Promise.reject(error) })
  const authorization = `Bearer ${await signer.token()}`
  await expect(identify({ authorization }, options)).rejects.toBe(error)
})

test('an identity is remembered until its token ends, and no longer than the maximum', async () => {
  const short = await remembered(`Bearer ${await signer.token({ exp: secondsFromNow(60) })}`)
  expect(short).toBeGreaterThan(55_000)
  expect(short).toBeLessThanOrEqual(60_000)
  const long = await remembered(`Bearer ${await signer.token()}`)
  expect(long).toBeGreaterThanOrEqual(CACHE_MAX_MS)
  expect(long).toBeLessThan(CACHE_MAX_MS + 5000)
})

test('a token that lives on the tolerance for clocks alone is not remembered', async () => {
  expect(
    await remembered(`Bearer ${await signer.token({ exp: secondsFromNow(-5) })}`),
  ).toBeLessThan(0)
})

test('an invalid token is remembered for a short time', async () => {
  const time = await remembered('Bearer garbage')
  expect(time).toBeGreaterThanOrEqual(INVALID_CACHE_MS)
  expect(time).toBeLessThan(INVALID_CACHE_MS + 5000)
})

test('a token that becomes valid soon is not remembered as invalid beyond that', async () => {
  const nbf = secondsFromNow(35)
  const time = await remembered(`Bearer ${await signer.token({ nbf })}`)
  expect(time).toBeGreaterThan(3000)
  expect(time).toBeLessThanOrEqual(5000)
})
