import { expect, test } from 'vitest'
import formats from '../test/vectors/formats.json' with { type: 'json' }
import vectors from '../test/vectors/x-mod-note.json' with { type: 'json' }
import { KeyAlgorithm } from './key-material.ts'
import {
  asCosigner,
  createSigner,
  createVerifier,
  formatVerifierKey,
  generateSignerKey,
  parseSignerKey,
  parseVerifierKey,
} from './note-key.ts'

const MALFORMED = expect.objectContaining({ code: 'note_key_malformed' })

/** Every part of a text but the whole, and the text with each of its characters changed. */
function* manglings(text: string): Generator<string> {
  for (let start = 0; start <= text.length; start++) {
    for (let end = start + 1; end <= text.length; end++) {
      if (start > 0 || end < text.length) yield text.slice(start, end)
    }
  }
  for (let i = 0; i < text.length; i++) {
    yield `${text.slice(0, i)}${String.fromCharCode(text.charCodeAt(i) + 1)}${text.slice(i + 1)}`
  }
}

test('the published keys of verifiers are read, and written as they were', () => {
  const [plain = '', cosigner = '', mlDsa = ''] = formats.verifierKeys
  for (const vkey of [vectors.vkey, vectors.otherVkey, plain, cosigner]) {
    expect(formatVerifierKey(parseVerifierKey(vkey))).toBe(vkey)
  }
  expect(parseVerifierKey(plain).algorithm).toBe(KeyAlgorithm.ed25519)
  expect(parseVerifierKey(cosigner).algorithm).toBe(KeyAlgorithm.ed25519Cosignature)
  // Its publishers do not look at the id of this key, which is not the one of its bytes.
  expect(() => parseVerifierKey(mlDsa)).toThrow(MALFORMED)
  const right = mlDsa.replace('+5893dc2c+', '+31236897+')
  expect(formatVerifierKey(parseVerifierKey(right))).toBe(right)
  expect(parseVerifierKey(right).algorithm).toBe(KeyAlgorithm.mlDsa44Cosignature)
})

test('the published private keys belong to their public ones', () => {
  expect(formatVerifierKey(parseSignerKey(vectors.skey).verifier)).toBe(vectors.vkey)
  for (const { skey, vkey } of formats.witnesses) {
    expect(formatVerifierKey(parseSignerKey(skey).verifier)).toBe(vkey)
  }
})

test('no part and no change of a key is a key', () => {
  for (const mangled of manglings(vectors.vkey)) {
    expect(() => parseVerifierKey(mangled)).toThrow(MALFORMED)
  }
  for (const mangled of manglings(vectors.skey)) {
    expect(() => parseSignerKey(mangled)).toThrow(MALFORMED)
  }
  for (const bad of vectors.badVkeys) expect(() => parseVerifierKey(bad)).toThrow(MALFORMED)
})

test('what is told of a malformed private key is not the key', () => {
  const secret = vectors.skey.slice(-44)
  for (const mangled of [vectors.skey.replace('c74f20a3', 'c74f20a4'), `${vectors.skey}!`]) {
    try {
      parseSignerKey(mangled)
      expect.unreachable()
    } catch (error) {
      expect(String(error)).not.toContain(secret.slice(0, 10))
    }
  }
})

test.each(Object.entries(KeyAlgorithm))('a new key of %s signs what it verifies', (_name, kind) => {
  const skey = generateSignerKey('new.example/key', kind)
  expect(skey).not.toBe(generateSignerKey('new.example/key', kind))
  const signer = parseSignerKey(skey)
  const text = `log.example\n3\n${Buffer.alloc(32, 7).toString('base64')}\n`
  const signature = signer.sign(text, 1_700_000_000)
  const verifier = parseVerifierKey(formatVerifierKey(signer.verifier))
  expect(verifier.verify(text, signature)).toBe(true)
  expect(verifier.verify(text.replace('3', '4'), signature)).toBe(false)
  for (const at of [0, 8, signature.length - 1]) {
    const changed = Uint8Array.from(signature)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(verifier.verify(text, changed)).toBe(false)
  }
  expect(verifier.verify(text, signature.subarray(1))).toBe(false)
  expect(verifier.verify(text, new Uint8Array(0))).toBe(false)
})

test('a key without a name, or with a name that has spaces or a plus, is refused', () => {
  for (const name of ['', 'a b', 'a+b', 'a\u00a0b', 'a\u0085b', 'a\u2003', 'a\nb']) {
    expect(() => createSigner(name, KeyAlgorithm.ed25519, new Uint8Array(32))).toThrow(MALFORMED)
  }
  expect(() => createSigner('a', KeyAlgorithm.ed25519, new Uint8Array(31))).toThrow(MALFORMED)
  expect(() => createVerifier('a', KeyAlgorithm.ed25519, new Uint8Array(33))).toThrow(MALFORMED)
})

test('a plain key that is named for a witness means the cosignatures of that key', () => {
  const plain = parseVerifierKey(formats.witnesses[0]?.vkey ?? '')
  const cosigner = asCosigner(plain)
  expect(cosigner.algorithm).toBe(KeyAlgorithm.ed25519Cosignature)
  expect(cosigner.keyId).not.toBe(plain.keyId)
  expect(asCosigner(cosigner)).toBe(cosigner)
})
