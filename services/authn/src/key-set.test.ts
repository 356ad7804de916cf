import { exportJWK, generateKeyPair } from 'jose'
import { expect, test } from 'vitest'
import { createSigner, keySet } from '../test/signer.ts'
import { KEYS_MAX, parseKeySet } from './key-set.ts'

test('a set of public keys is read', async () => {
  const signers = [await createSigner('ES256', 'a'), await createSigner('RS256', 'b')]
  expect(parseKeySet(keySet(...signers)).keys.map(({ kid }) => kid)).toEqual(['a', 'b'])
})

test.for(['', '{', 'null', '[]', '{}', '{"keys":{}}', '{"keys":[null]}', '{"keys":[{"kid":"a"}]}'])(
  'what is no JWK Set is refused: %j',
  (text) => {
    expect(() => parseKeySet(text)).toThrow(/^this is no usable JWK Set/)
  },
)

test('a private or symmetric key is a secret that leaked, so its set is refused', async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  for (const key of [await exportJWK(privateKey), { kty: 'oct', k: 'c2VjcmV0' }]) {
    const text = JSON.stringify({ keys: [key] })
    expect(() => parseKeySet(text)).toThrow(/publish public keys only/)
  }
})

test('a set of too many keys is refused', async () => {
  const signer = await createSigner('ES256', 'a')
  const of = (count: number) => keySet(...Array.from({ length: count }, () => signer))
  expect(parseKeySet(of(KEYS_MAX)).keys).toHaveLength(KEYS_MAX)
  expect(() => parseKeySet(of(KEYS_MAX + 1))).toThrow(/more than 100 keys/)
})
