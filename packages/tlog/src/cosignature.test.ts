import { expect, test } from 'vitest'
import c2sp from '../test/vectors/c2sp.json' with { type: 'json' }
import formats from '../test/vectors/formats.json' with { type: 'json' }
import { decodeTime, ed25519Message, encodeTime, mlDsa44Message } from './cosignature.ts'
import { KeyAlgorithm } from './key-material.ts'
import { parseNote } from './note.ts'
import { createSigner } from './note-key.ts'
import { openNote, signNote } from './signed-note.ts'

const { text } = parseNote(c2sp.cosigned.note)
const SECONDS = 1_679_315_147
const seed = new Uint8Array(32).fill(9)

test('the signed message of Ed25519 is the one that the specification shows', () => {
  expect(Buffer.from(ed25519Message(text, SECONDS)).toString()).toBe(
    'cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n' +
      'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
  )
})

test('the signed message of ML-DSA-44 has every field at its place', () => {
  const message = Buffer.from(mlDsa44Message(text, SECONDS, 'w.example'))
  const origin = 'example.com/behind-the-sofa'
  expect(message.toString('hex')).toBe(
    [
      Buffer.from('subtree/v1\n\0').toString('hex'),
      '09',
      Buffer.from('w.example').toString('hex'),
      '00000000641850cb',
      '1b',
      Buffer.from(origin).toString('hex'),
      '0000000000000000',
      '00000000013e2dc3',
      Buffer.from('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', 'base64').toString('hex'),
    ].join(''),
  )
  expect(() => mlDsa44Message(text, SECONDS, 'w'.repeat(256))).toThrow('255 are the most')
})

test('the time of the published cosignature is read', () => {
  const { base64, seconds } = formats.cosignature
  expect(decodeTime(Buffer.from(base64, 'base64').subarray(4))).toBe(seconds)
  expect(decodeTime(encodeTime(seconds))).toBe(seconds)
  expect(decodeTime(Buffer.alloc(8, 0xff))).toBeUndefined()
  expect(decodeTime(Buffer.alloc(7))).toBeUndefined()
})

test('a cosignature says when, and is not made without saying so', () => {
  for (const algorithm of [KeyAlgorithm.ed25519Cosignature, KeyAlgorithm.mlDsa44Cosignature]) {
    const signer = createSigner('w.example', algorithm, seed)
    const signed = signNote({ text }, [signer], SECONDS)
    expect(openNote(signed, [signer.verifier]).verified).toMatchObject([{ seconds: SECONDS }])
    for (const seconds of [undefined, -1, 1.5, Number.NaN, 2 ** 53]) {
      expect(() => signNote({ text }, [signer], seconds)).toThrow(
        expect.objectContaining({ code: 'cosignature_time_invalid' }),
      )
    }
    expect(() => signNote({ text: 'no checkpoint\n' }, [signer], SECONDS)).toThrow(
      expect.objectContaining({ code: 'checkpoint_malformed' }),
    )
  }
})

test('a signature of one kind is none of another kind by the same key', () => {
  const plain = createSigner('w.example', KeyAlgorithm.ed25519, seed)
  const cosigner = createSigner('w.example', KeyAlgorithm.ed25519Cosignature, seed)
  const cosigned = signNote({ text }, [cosigner], SECONDS)
  expect(() => openNote(cosigned, [plain.verifier])).toThrow(
    expect.objectContaining({ code: 'note_unverified' }),
  )
  expect(plain.verifier.verify(text, cosigner.sign(text, SECONDS))).toBe(false)
  expect(cosigner.verifier.verify(text, plain.sign(text))).toBe(false)
})

test('Ed25519 covers the extension lines, and ML-DSA-44 the name of the cosigner', () => {
  const extended = `${text}extended\n`
  const ed25519 = createSigner('w.example', KeyAlgorithm.ed25519Cosignature, seed)
  expect(ed25519.verifier.verify(text, ed25519.sign(extended, SECONDS))).toBe(false)
  const [first, second] = ['w.example', 'v.example'].map((name) =>
    createSigner(name, KeyAlgorithm.mlDsa44Cosignature, seed),
  )
  expect(second?.verifier.verify(text, first?.sign(text, SECONDS) ?? seed)).toBe(false)
})
