import { expect, test } from 'vitest'
import { parseCredential, TOKEN_CHARS_MAX } from './credential.ts'

test.for([undefined, '', '   '])('no value is no credential: %j', (header) => {
  expect(parseCredential(header)).toEqual({ kind: 'none' })
})

test.for(['Bearer a.b.c', 'bearer a.b.c', 'BEARER   a.b.c', '  Bearer a.b.c  '])(
  'one bearer token is taken: %j',
  (header) => {
    expect(parseCredential(header)).toEqual({ kind: 'bearer', token: 'a.b.c' })
  },
)

test.for([
  'Bearer',
  'Bearer ',
  'Bearer,',
  'Bearer a.b.c, Bearer d.e.f',
  'Bearer a.b.c,Bearer a.b.c',
  'Basic dTpw, Bearer a.b.c',
  'Basic dTpw,bearer a.b.c',
  'Bearer a.b.c, Basic dTpw',
  'Bearer a b',
  'Bearer\ta.b.c',
  'Bearer "a.b.c"',
  'Bearer a.b.c;x=1',
  'Bearer a.b.ç',
  `Bearer ${'a'.repeat(TOKEN_CHARS_MAX + 1)}`,
])('what is not exactly one bearer token is malformed: %j', (header) => {
  expect(parseCredential(header)).toEqual({ kind: 'malformed' })
})

test('a token of the greatest length is still read', () => {
  const token = 'a'.repeat(TOKEN_CHARS_MAX)
  expect(parseCredential(`Bearer ${token}`)).toEqual({ kind: 'bearer', token })
})

test.for([
  'Basic dTpw',
  'Digest username="u", realm="r"',
  'DPoP a.b.c',
  'a.b.c',
  'Bearerx a.b.c',
  'x'.repeat(2 * TOKEN_CHARS_MAX),
])('another scheme is not ours to judge: %j', (header) => {
  expect(parseCredential(header)).toEqual({ kind: 'other' })
})
