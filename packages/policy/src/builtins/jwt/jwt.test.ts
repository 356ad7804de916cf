import { expect, test, vi } from 'vitest'
import { differencesOf } from '../calls-under-test.ts'
import { ALGORITHMS } from './signature.ts'
import { encoded, type KeyType, PAIRS, tokenBy } from './tokens-under-test.ts'

vi.setConfig({ testTimeout: 120_000 })

const rego = JSON.stringify
const SECRET = 'a secret of the test'
const secret = Buffer.from(SECRET)
const { rsa, p256, p384, p521, ed25519, x25519, small } = PAIRS
const PAYLOAD = { sub: 'alice', n: 12345678901234567890n.toString(), '<&>': ['é', null, 1.5] }

/** An algorithm and a key that is for it. */
const SIGNERS: readonly (readonly [alg: string, key: KeyType])[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg) => [alg, 'rsa'] as const),
  ['ES256', 'p256'],
  ['ES384', 'p384'],
  ['ES512', 'p521'],
  ['EdDSA', 'ed25519'],
]

const verify = (alg: string, token: string, key: unknown) =>
  `io.jwt.verify_${alg.toLowerCase()}(${rego(token)}, ${rego(key)})`
const decodeVerify = (token: unknown, constraints: unknown) =>
  `io.jwt.decode_verify(${rego(token)}, ${rego(constraints)})`

test('OPA and this engine verify the same signatures', async () => {
  const calls = SIGNERS.flatMap(([alg, name]) => {
    const { privateKey, pem, jwk, privateJwk } = PAIRS[name]
    const token = tokenBy(privateKey, { alg, kid: 'k1' }, PAYLOAD)
    const [header, payload, signature = ''] = token.split('.')
    const other = signature.startsWith('A') ? 'B' : 'A'
    const keys = [
      pem,
      `${pem}x`,
      `x\n${pem}`,
      rego(jwk),
      rego({ ...jwk, alg }),
      rego({ ...jwk, alg: 'RS1' }),
      rego({ ...jwk, alg: 'RSA-OAEP' }),
      rego({ ...jwk, alg: 'HS256', kid: 'k1' }),
      rego({
        keys: [
          { ...PAIRS.p256.jwk, kid: 'k1' },
          { ...jwk, kid: 'k2' },
        ],
      }),
      rego({
        keys: [
          { ...PAIRS.p384.jwk, kid: 'k2' },
          { ...jwk, kid: 'k1' },
        ],
      }),
      rego({ keys: [PAIRS.p521.jwk, PAIRS.x25519.jwk, jwk] }),
      rego({ keys: [] }),
      rego(privateJwk),
      rego({ kty: 'oct', k: encoded(SECRET) }),
      '',
      '{}',
      '[]',
    ]
    const tokens = [
      `${header}.${payload}.${other}${signature.slice(1)}`,
      `${header}.${payload}.`,
      `${header}.${payload}.A${signature}`,
      `${header}.${payload}.AAAA${signature}`,
      `${header}.${payload}.${signature.slice(4)}`,
      `${header}.${encoded({ sub: 'bob' })}.${signature}`,
      `${header}.${payload}.${signature}.`,
      `${header}.${payload}`,
      `${encoded({ alg: 'none' })}.${payload}.${signature}`,
      tokenBy(privateKey, { alg: 'none' }, PAYLOAD, alg),
      tokenBy(privateKey, { alg, kid: 1 }, PAYLOAD),
      tokenBy(privateKey, { alg, crit: [] }, PAYLOAD),
      tokenBy(privateKey, { alg, crit: ['x'], x: 1 }, PAYLOAD),
      tokenBy(privateKey, { alg, enc: 'x' }, PAYLOAD),
      tokenBy(privateKey, { alg }, 'no JSON'),
    ]
    return [
      ...keys.flatMap((key) => [verify(alg, token, key), decodeVerify(token, { cert: key })]),
      ...tokens.flatMap((made) => [verify(alg, made, pem), decodeVerify(made, { cert: pem })]),
      ...SIGNERS.map(([wrong]) => verify(wrong, token, pem)),
      `io.jwt.verify_${alg.toLowerCase()}(1, ${rego(pem)})`,
      `io.jwt.verify_${alg.toLowerCase()}(${rego(token)}, null)`,
    ]
  })
  expect(await differencesOf(calls)).toEqual([])
})

test('OPA and this engine verify the same secrets, small keys and foreign curves', async () => {
  const hs = ['HS256', 'HS384', 'HS512']
  const calls = hs.flatMap((alg) => {
    const token = tokenBy(secret, { alg, kid: 'k' }, PAYLOAD)
    return [
      ...[SECRET, 'another', '', 1, null].map((key) => verify(alg, token, key)),
      ...hs.map((wrong) => verify(wrong, token, SECRET)),
      ...['', 'a.b', 'a.b.c', `${token}=`, `${token}==`, `${token}\n`, 'a..', '..', 1].map(
        (made) => `io.jwt.verify_${alg.toLowerCase()}(${rego(made)}, ${rego(SECRET)})`,
      ),
      verify(alg, tokenBy(Buffer.from(''), { alg }, PAYLOAD), ''),
      decodeVerify(token, { secret: SECRET }),
      decodeVerify(token, { secret: 'another' }),
      decodeVerify(token, { secret: '' }),
      decodeVerify(token, { cert: rego({ kty: 'oct', k: encoded(SECRET) }) }),
      decodeVerify(token, { cert: rego({ kty: 'oct', k: '' }) }),
      decodeVerify(token, { cert: rego({ kty: 'oct' }) }),
      decodeVerify(token, { secret: SECRET, alg }),
      decodeVerify(token, { secret: SECRET, alg: 'HS1' }),
      decodeVerify(tokenBy(rsa.privateKey, { alg: 'RS256' }, PAYLOAD), { secret: SECRET }),
    ]
  })
  const tiny = tokenBy(rsa.privateKey, { alg: 'RS256' }, PAYLOAD)
  const foreign = tokenBy(p521.privateKey, { alg: 'ES256' }, PAYLOAD)
  calls.push(
    verify('RS256', tiny, small.pem),
    verify('RS256', tiny, rego(small.jwk)),
    verify('ES256', foreign, p521.pem),
    decodeVerify(foreign, { cert: p521.pem }),
    verify('EdDSA', tokenBy(ed25519.privateKey, { alg: 'EdDSA' }, PAYLOAD), x25519.pem),
    decodeVerify(tokenBy(ed25519.privateKey, { alg: 'Ed25519' }, PAYLOAD, 'EdDSA'), {
      cert: ed25519.pem,
    }),
    ...['P-384', 'P-1', 1].map((crv) => verify('ES256', foreign, rego({ ...p256.jwk, crv }))),
    ...['kty', 'crv', 'x', 'y'].map((name) =>
      verify('ES384', foreign, rego({ ...p384.jwk, [name]: undefined })),
    ),
    ...['x', 'y'].map((name) => verify('ES384', foreign, rego({ ...p384.jwk, [name]: 'AAAA' }))),
    ...['n', 'e'].map((name) => verify('RS256', tiny, rego({ ...rsa.jwk, [name]: undefined }))),
    ...['n', 'e'].map((name) => verify('RS256', tiny, rego({ ...rsa.jwk, [name]: '!' }))),
    verify('RS256', tiny, rego({ ...rsa.jwk, kid: 1 })),
    verify('RS256', tiny, rego({ ...rsa.jwk, e: 'Ag' })),
  )
  expect(await differencesOf(calls)).toEqual([])
})

test('OPA and this engine meet the same constraints', async () => {
  const by = (payload: unknown, header: object = {}) =>
    tokenBy(secret, { alg: 'HS256', ...header }, payload)
  const constraint = (payload: unknown, constraints: object, header?: object) =>
    decodeVerify(by(payload, header), { secret: SECRET, ...constraints })
  const times = [0, 1, 999_999_999, 1e9, 1_000_000_001, 1.5e9, 1e18, 1.7e18, -1, 9e30, '1', null]
  const claims = [0, 1, 1.5, 1.0000000005, -1, 1e9, 1_700_000_000, 4_000_000_000, '1', null, []]
  const calls = [
    ...times.flatMap((time) => claims.map((exp) => constraint({ exp }, { time }))),
    ...times.flatMap((time) => claims.map((nbf) => constraint({ nbf }, { time }))),
    ...claims.map((exp) => constraint({ exp, nbf: 1 }, {})),
    ...['me', '', 'you', 1].flatMap((aud) =>
      [undefined, 'me', '', ['me'], ['you', 'me'], ['you'], [], [1, 'me'], 1, { me: 1 }].map(
        (has) => constraint({ aud: has }, { aud }),
      ),
    ),
    ...['me', ['me'], [''], '', []].map((aud) => constraint({ aud }, {})),
    ...['me', '', 'you', 1].flatMap((iss) =>
      [undefined, 'me', ''].map((has) => constraint({ iss: has }, { iss })),
    ),
    ...['HS256', 'HS384', '', 'none', 1].map((alg) => constraint({}, { alg })),
    constraint({}, { cert: p256.pem }),
    constraint({}, { cert: 1 }),
    constraint({}, { unknown: 1 }),
    decodeVerify(by({}), {}),
    decodeVerify(by({}), { secret: 1 }),
    decodeVerify(by({}), { cert: 'x' }),
    decodeVerify(by({}), []),
    decodeVerify(by({}), null),
    decodeVerify(1, { secret: SECRET }),
    ...[{ crit: ['x'] }, { crit: ['x'], x: 1 }, { crit: [] }, { crit: 'x' }, { crit: [1] }].map(
      (header) => constraint({}, {}, header),
    ),
    ...[{ crit: ['x', 1], x: 1 }, { crit: [1, 'x'], x: 1 }, { crit: ['alg'] }, { typ: 1 }].map(
      (header) => constraint({}, {}, header),
    ),
    ...['JWT', 'jwt', 'JwT', 'x', ''].flatMap((cty) => [
      constraint(by({ sub: 'inner' }), {}, { cty }),
      constraint({ sub: 'outer' }, {}, { cty }),
      constraint(`"${by({ sub: 'inner' })}"`, {}, { cty }),
    ]),
    ...['[]', '1', '', '{', '{"a":1,"a":2}', '{} {}', ' {"n": 1.0} '].map((text) =>
      constraint(text, {}),
    ),
    ...[1e30, 1e-30].map((n) => constraint({ n }, {})),
  ]
  expect(await differencesOf(calls)).toEqual([])
})

test('OPA and this engine decode the same tokens', async () => {
  const { privateKey } = p256
  const nested = tokenBy(privateKey, { alg: 'ES256' }, { sub: 'inner' }, 'none')
  const made = (header: object, payload: unknown) => tokenBy(privateKey, { ...header }, payload)
  const tokens = [
    made({ alg: 'x' }, PAYLOAD),
    made({}, {}),
    made({ cty: 'JWT' }, nested),
    made({ cty: 'JWT' }, `"${nested}"`),
    made({ cty: 'JWT' }, `'"${nested}"'`),
    made({ cty: 'jwt' }, nested),
    made({ cty: 'JWT' }, made({ cty: 'JWT' }, nested)),
    made({ enc: 'x' }, {}),
    made({ alg: 1, crit: [] }, {}),
    made({}, '[]'),
    made({}, 'null'),
    made({}, '{"a":1,"a":[1.0,1e2,123456789012345678901234567890]}'),
    made({}, Buffer.from('{"a":"é\u2028"}').toString('utf8')),
    `${encoded('{}')}.${Buffer.from('7b2261223a22ff227d', 'hex').toString('base64url')}.`,
    `${encoded('{}')}.${encoded('{}')}.!`,
    `${encoded('{}')}.${encoded('{}')}.A`,
    `${encoded('{}')}.${encoded('{}')}.AA`,
    `${encoded('{}')}.${encoded('{}')}.AA==`,
    `${encoded('{}')}.${encoded('{}')}.AA=`,
    `${encoded('{}')}.${encoded('{}')}.-_+/`,
    `${encoded('{}')}.${encoded('{}')}.-_\n-_`,
    `${encoded('{}')}.${encoded('{}')}.-_\r\n-_--`,
    `${encoded('{}')}.${encoded('{}')}`,
    `${encoded('{}')}.${encoded('{}')}..`,
    `${encoded('[]')}.${encoded('{}')}.`,
    `${encoded('')}.${encoded('{}')}.`,
    '..',
    '',
    'é.é.é',
    1,
    null,
    [],
  ]
  const calls = tokens.map((token) => `io.jwt.decode(${rego(token)})`)
  expect(await differencesOf(calls)).toEqual([])
})

test('OPA and this engine sign the same tokens', async () => {
  const oct = { kty: 'oct', k: encoded(SECRET) }
  const fixed = ['HS256', 'HS384', 'HS512'].map((alg) => [alg, oct] as const)
  const rsaKey = ['RS256', 'RS384', 'RS512'].map((alg) => [alg, rsa.privateJwk] as const)
  const sign = (header: unknown, payload: unknown, key: unknown) =>
    `io.jwt.encode_sign(${rego(header)}, ${rego(payload)}, ${rego(key)})`
  const signRaw = (header: unknown, payload: unknown, key: unknown) =>
    `io.jwt.encode_sign_raw(${rego(header)}, ${rego(payload)}, ${rego(key)})`
  const signers = [...fixed, ...rsaKey, ['EdDSA', ed25519.privateJwk] as const]
  const calls = [
    ...signers.flatMap(([alg, key]) => [
      sign({ alg }, PAYLOAD, key),
      sign({ alg, typ: 'JWT', z: '<é>' }, {}, { keys: [key] }),
      sign({ alg, typ: 'text' }, 'no object', key),
      signRaw(`{"alg":"${alg}"}`, '{"a": 1}', rego(key)),
      signRaw(` {"typ":"text/plain", "alg":"${alg}"}`, 'é', rego(key)),
      signRaw(`{"alg":"${alg}"}`, 'é', rego(key)),
      signRaw(`{"typ":"JWT","alg":"${alg}"}`, 'é', rego(key)),
      signRaw(`{"typ":1,"alg":"${alg}"}`, 'é', rego(key)),
    ]),
    ...[...ALGORITHMS.keys(), 'none', 'ES256K'].flatMap((alg) =>
      [oct, x25519.privateJwk, rsa.jwk, p256.jwk, small.privateJwk].map((key) =>
        // What is signed at random is not the same text.
        /^(?:PS|ES)/.test(alg) ? `is_string(${sign({ alg }, {}, key)})` : sign({ alg }, {}, key),
      ),
    ),
    ...SIGNERS.map(([alg, name]) => {
      const made = sign({ alg }, PAYLOAD, PAIRS[name].privateJwk)
      return `io.jwt.verify_${alg.toLowerCase()}(${made}, ${rego(PAIRS[name].pem)})`
    }),
    ...['n', 'd', 'p', 'kty'].map((name) =>
      sign({ alg: 'RS256' }, {}, { ...rsa.privateJwk, [name]: '' }),
    ),
    sign({}, {}, oct),
    sign({ alg: 1 }, {}, oct),
    sign([], {}, oct),
    sign({ alg: 'HS256' }, {}, { keys: [] }),
    sign({ alg: 'HS256' }, {}, {}),
    sign({ alg: 'HS256' }, {}, null),
    signRaw('', '{}', rego(oct)),
    signRaw('{"alg":"HS256"', '{}', rego(oct)),
    signRaw('{"alg":"HS256"}', '', rego(oct)),
    signRaw('{"alg":"HS256"}', '{}', ''),
    signRaw(1, '{}', rego(oct)),
    signRaw('{"alg":"HS256"}', null, rego(oct)),
    signRaw('{"alg":"HS256"}', '{}', oct),
  ]
  expect(await differencesOf(calls)).toEqual([])
})
