import { createLocalJWKSet, exportSPKI, importJWK, SignJWT } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import {
  AUDIENCE,
  createSigner,
  forge,
  ISSUER,
  keySet,
  type Signer,
  secondsFromNow,
} from '../test/signer.ts'
import { ALGORITHMS } from './issuers.ts'
import { TokenVerifier } from './token.ts'

const ALGS = ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'] as const

let signer: Signer
let verifier: TokenVerifier

function verifierOf(keys: string, algorithms: readonly string[] = ALGORITHMS): TokenVerifier {
  const source = { loaded: true, find: createLocalJWKSet(JSON.parse(keys)) }
  const issuer = { issuer: ISSUER, audiences: [AUDIENCE], keys: { file: '' }, algorithms, source }
  return new TokenVerifier([issuer], { clockToleranceMs: 30_000 })
}

beforeAll(async () => {
  signer = await createSigner('ES256', 'k1')
  verifier = verifierOf(keySet(signer))
})

async function reasonOf(token: string): Promise<string> {
  const verdict = await verifier.verify(token)
  return verdict.valid ? 'valid' : verdict.reason
}

test.for(ALGS)('a token signed with %s is valid, with its claims and its end', async (alg) => {
  const its = await createSigner(alg, 'k')
  const exp = secondsFromNow(60)
  const token = await its.token({ exp, roles: ['admin'] })
  expect(await verifierOf(keySet(its)).verify(token)).toEqual({
    valid: true,
    claims: { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp, roles: ['admin'] },
    expiresAtMs: exp * 1000,
  })
})

test('a token that has ended is expired, beyond the tolerance for clocks', async () => {
  expect(await reasonOf(await signer.token({ exp: secondsFromNow(-25) }))).toBe('valid')
  expect(await reasonOf(await signer.token({ exp: secondsFromNow(-35) }))).toBe('expired')
})

test('a token that begins later is not valid yet, and it is said from when on it is', async () => {
  expect(await reasonOf(await signer.token({ nbf: secondsFromNow(25) }))).toBe('valid')
  const nbf = secondsFromNow(90)
  expect(await verifier.verify(await signer.token({ nbf }))).toEqual({
    valid: false,
    reason: 'not_yet_valid',
    validFromMs: (nbf - 30) * 1000,
  })
})

test('a token without an end is refused', async () => {
  expect(await reasonOf(await signer.token({ exp: undefined }))).toBe('bad_claims')
})

test.for([{ aud: 'other' }, { aud: ['a', 'b'] }, { aud: undefined }, { aud: [] }])(
  'a token for somebody else is refused: %j',
  async (claims) => {
    expect(await reasonOf(await signer.token(claims))).toBe('wrong_audience')
  },
)

test('one audience of several is enough', async () => {
  expect(await reasonOf(await signer.token({ aud: ['other', AUDIENCE] }))).toBe('valid')
})

test.for([{ iss: 'https://evil.example' }, { iss: `${ISSUER}/` }, { iss: undefined }])(
  'a token of an issuer that is not configured is refused: %j',
  async (claims) => {
    expect(await reasonOf(await signer.token(claims))).toBe('unknown_issuer')
  },
)

test.for(['constructor', '__proto__', 'toString'])(
  'an issuer with the name of a property of every object is unknown: %s',
  async (iss) => {
    expect(await reasonOf(await signer.token({ iss }))).toBe('unknown_issuer')
  },
)

test('a token signed by another key of the same id is refused', async () => {
  const other = await createSigner('ES256', 'k1')
  expect(await reasonOf(await other.token())).toBe('bad_signature')
})

test('a token of which one claim was changed is refused', async () => {
  const [header, , signature] = (await signer.token()).split('.')
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'root', exp: secondsFromNow(60) }
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
  expect(await reasonOf(`${header}.${payload}.${signature}`)).toBe('bad_signature')
})

test.for(['none', 'None', 'NONE', ''])(
  'a token without a signature is refused: %j',
  async (alg) => {
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'root', exp: secondsFromNow(60) }
    const reason = await reasonOf(forge({ alg, kid: 'k1' }, claims))
    expect(['bad_signature', 'malformed']).toContain(reason)
  },
)

test('a token signed with the public key as a shared secret is refused', async () => {
  const key = await importJWK(signer.jwk, 'ES256', { extractable: true })
  const pem = key instanceof Uint8Array ? '' : await exportSPKI(key)
  const secrets = [pem, pem.trim(), JSON.stringify(signer.jwk), signer.jwk.x ?? '']
  for (const secret of secrets) {
    const token = await new SignJWT({ sub: 'root' })
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(secret.padEnd(32, '\0')))
    expect(await reasonOf(token)).toBe('bad_signature')
  }
})

test('an algorithm that the issuer does not use is refused', async () => {
  const rsa = await createSigner('RS256', 'r')
  const both = verifierOf(keySet(signer, rsa), ['ES256'])
  expect(await both.verify(await rsa.token())).toEqual({ valid: false, reason: 'bad_signature' })
  expect(await both.verify(await signer.token())).toMatchObject({ valid: true })
})

test('a key that is not in the set is unknown', async () => {
  expect(await reasonOf(await signer.token({}, { kid: 'k2' }))).toBe('unknown_key')
})

test('a key that the token brings along is not looked at', async () => {
  const evil = await createSigner('ES256', 'k1')
  const url = 'https://evil.example/keys'
  for (const header of [{ jwk: evil.jwk }, { jku: url }, { x5u: url }, { x5c: ['MIIB'] }]) {
    expect(await reasonOf(await evil.token({}, header))).toBe('bad_signature')
    expect(await reasonOf(await evil.token({}, { ...header, kid: 'k9' }))).toBe('unknown_key')
  }
})

test('without a key id every key that fits is tried', async () => {
  const second = await createSigner('ES256', 'k2')
  const third = await createSigner('ES256', 'k3')
  const both = verifierOf(keySet(signer, second))
  const header = { kid: undefined } as unknown as { kid: string }
  expect(await both.verify(await second.token({}, header))).toMatchObject({ valid: true })
  const reason = 'bad_signature'
  expect(await both.verify(await third.token({}, header))).toEqual({ valid: false, reason })
})

test.for(['JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'AT+JWT'])(
  'a token of type %s grants access',
  async (typ) => {
    expect(await reasonOf(await signer.token({}, { typ }))).toBe('valid')
  },
)

test.for(['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'application/x'])(
  'a token of type %s does not, however well it is signed',
  async (typ) => {
    expect(await reasonOf(await signer.token({}, { typ }))).toBe('bad_claims')
  },
)

test('an extension that must be understood and is not makes a token malformed', async () => {
  const header = { crit: ['https://example.com/x'], 'https://example.com/x': true }
  const claims = { iss: ISSUER, aud: AUDIENCE, exp: secondsFromNow(60) }
  expect(await reasonOf(forge({ alg: 'ES256', kid: 'k1', ...header }, claims, 'AA'))).toBe(
    'malformed',
  )
})

test.for([
  'x',
  'a.b',
  'a.b.c',
  'a.b.c.d.e',
  '..',
  forge({ alg: 'ES256' }, 'not json', 'AA'),
  forge({ alg: 'ES256' }, '[]', 'AA'),
  forge({ alg: 'ES256' }, 'null', 'AA'),
  forge({ alg: 5 }, { iss: ISSUER }, 'AA'),
  forge([], { iss: ISSUER }, 'AA'),
  `${forge({ alg: 'ES256', kid: 'k1' }, { iss: ISSUER })}!`,
])('what is no token is malformed: %j', async (token) => {
  expect(await reasonOf(token)).toBe('malformed')
})

test.for([{ sub: '' }, { sub: 5 }, { sub: ['alice'] }, { exp: 'soon' }, { nbf: 'now' }])(
  'claims of the wrong form are refused: %j',
  async (claims) => {
    expect(await reasonOf(await signer.token(claims))).toBe('bad_claims')
  },
)

test('a token without a subject is valid: machines have such', async () => {
  expect(await reasonOf(await signer.token({ sub: undefined }))).toBe('valid')
})

test('a claim named __proto__ is a claim like any other, and changes no object', async () => {
  const claims = JSON.parse('{"__proto__":{"admin":true},"constructor":{"x":1}}')
  const verdict = await verifier.verify(await signer.token(claims))
  expect(verdict.valid).toBe(true)
  if (!verdict.valid) return
  expect(Object.getPrototypeOf(verdict.claims)).toBe(Object.prototype)
  expect(verdict.claims['admin']).toBeUndefined()
  expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
})
