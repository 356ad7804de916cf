import { generateKeyPairSync } from 'node:crypto'
import { temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test } from 'vitest'
import { keyPair } from '../../test/bundles-under-test.ts'
import { readSigningKey, VerificationKeys } from './keys.ts'

const [ed, es] = [keyPair('ops'), keyPair('build', 'ES256')]

test('trusted keys come as PEM, or in files beside the list', async () => {
  await using scratch = temporaryDirectory()
  writeFiles(scratch.path, { 'build.pub.pem': es.publicPem })
  const keys = VerificationKeys.parse(
    {
      ops: { algorithm: 'EdDSA', publicKey: ed.publicPem, scope: 'prod' },
      build: { algorithm: 'ES256', file: 'build.pub.pem' },
    },
    { folder: scratch.path },
  )
  expect(keys.ids).toEqual(['ops', 'build'])
  expect(keys.get('ops')).toMatchObject({ id: 'ops', algorithm: 'EdDSA', scope: 'prod' })
  expect(keys.get('build')).toMatchObject({ id: 'build', algorithm: 'ES256' })
  expect(keys.get('toString')).toBeUndefined()
})

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })

test.each<[what: string, json: unknown]>([
  ['no object', []],
  ['an entry that is no object', { ops: ed.publicPem }],
  ['an entry without a key', { ops: { algorithm: 'EdDSA' } }],
  ['an entry with two keys', { ops: { algorithm: 'EdDSA', publicKey: ed.publicPem, file: 'a' } }],
  ['an unknown field', { ops: { algorithm: 'EdDSA', publicKey: ed.publicPem, scpe: 'prod' } }],
  ['a scope that is no text', { ops: { algorithm: 'EdDSA', publicKey: ed.publicPem, scope: 1 } }],
  ['another algorithm', { ops: { algorithm: 'ES256', publicKey: ed.publicPem } }],
  ['no algorithm', { ops: { publicKey: ed.publicPem } }],
  ['a private key', { ops: { algorithm: 'EdDSA', publicKey: ed.privatePem } }],
  ['a key that is none', { ops: { algorithm: 'EdDSA', publicKey: 'nonsense' } }],
  ['a file that is not there', { ops: { algorithm: 'EdDSA', file: 'not/there.pem' } }],
  [
    'a key of RSA',
    { ops: { algorithm: 'ES256', publicKey: rsa.export({ type: 'spki', format: 'pem' }) } },
  ],
  [
    'a key of P-384',
    {
      ops: {
        algorithm: 'ES256',
        publicKey: p384.publicKey.export({ type: 'spki', format: 'pem' }),
      },
    },
  ],
])('a list of trusted keys with %s is refused', (_what, json) => {
  expect(() => VerificationKeys.parse(json)).toThrow(
    expect.objectContaining({ code: 'bundle_key_malformed' }),
  )
})

test('a signing key tells by itself of which kind it is, and has to be private', () => {
  expect(readSigningKey(ed.privatePem, { id: 'ops' })).toMatchObject({
    id: 'ops',
    algorithm: 'EdDSA',
  })
  expect(readSigningKey(es.privatePem, { id: 'b', scope: 'x' })).toMatchObject({
    algorithm: 'ES256',
    scope: 'x',
  })
  expect(() => readSigningKey(ed.publicPem, { id: 'ops' })).toThrow('the key `ops` cannot be read')
})
