import fc from 'fast-check'
import { expect, test } from 'vitest'
import c2sp from '../test/vectors/c2sp.json' with { type: 'json' }
import vectors from '../test/vectors/x-mod-note.json' with { type: 'json' }
import { decodeTime } from './cosignature.ts'
import { KeyAlgorithm } from './key-material.ts'
import { NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, parseNote } from './note.ts'
import { createSigner, parseSignerKey, parseVerifierKey } from './note-key.ts'
import { openNote, signNote } from './signed-note.ts'

const SEED = 2021
const { text, signature, otherSignature } = vectors
const peter = parseVerifierKey(vectors.vkey)
const enoch = parseVerifierKey(vectors.otherVkey)
const coded = (code: string): unknown => expect.objectContaining({ code })
const MALFORMED = coded('note_malformed')
const note = (...lines: readonly string[]): string => `${text}\n${lines.join('\n')}\n`
/** Another signature by the same key, as far as its line says. */
const changed = (line: string): string => `${line.slice(0, 60)}ABCD${line.slice(60)}`

test('the published note is signed byte for byte', () => {
  const signer = parseSignerKey(vectors.skey)
  expect(signNote({ text }, [signer])).toBe(note(signature))
  const before = parseNote(note(changed(signature))).signatures
  expect(signNote({ text, signatures: before }, [signer])).toBe(note(signature))
})

test('the example of the specification verifies', () => {
  const opened = openNote(c2sp.note.note, [parseVerifierKey(c2sp.note.vkey)])
  expect(opened.text).toBe('This is an example message.\n')
})

test('signatures of known keys are verified, and those of others kept', () => {
  const both = note(signature, otherSignature)
  const one = openNote(both, [peter])
  expect(one.text).toBe(text)
  expect(one.verified.map(({ name }) => name)).toEqual(['PeterNeumann'])
  expect(one.unknown.map(({ name }) => name)).toEqual(['EnochRoot'])
  expect(openNote(both, [peter, enoch]).verified).toHaveLength(2)
  expect(() => openNote(both, [])).toThrow(coded('note_unverified'))
})

test('a key that is named twice is ambiguous where it has signed, and only there', () => {
  const keys = [enoch, peter, enoch]
  expect(() => openNote(note(otherSignature), keys)).toThrow(coded('note_key_ambiguous'))
  expect(openNote(note(signature), keys).verified).toHaveLength(1)
})

test('a wrong signature by a known key refuses the note, whatever else is right', () => {
  const wrong = note(signature, changed(otherSignature))
  expect(openNote(wrong, [peter]).verified).toHaveLength(1)
  expect(() => openNote(wrong, [peter, enoch])).toThrow(coded('note_signature_invalid'))
  expect(() => openNote(note(signature, changed(signature)), [peter])).toThrow(
    coded('note_signature_invalid'),
  )
})

test('signatures that are there twice count once', () => {
  const lines = [signature, signature, otherSignature, otherSignature, changed(otherSignature)]
  const opened = openNote(note(...lines), [peter])
  expect(opened.verified).toHaveLength(1)
  expect(opened.unknown).toHaveLength(2)
})

test('sixteen signatures of any kind are taken, and more than the bound refused', () => {
  const checkpoint = `log.example\n1\n${Buffer.alloc(32).toString('base64')}\n`
  const signers = Array.from({ length: 16 }, (_, i) =>
    createSigner(
      `witness.example/${i}`,
      KeyAlgorithm.mlDsa44Cosignature,
      new Uint8Array(32).fill(i),
    ),
  )
  const signed = signNote({ text: checkpoint }, signers, 1)
  expect(
    openNote(
      signed,
      signers.map(({ verifier }) => verifier),
    ).verified,
  ).toHaveLength(16)
  const most = Array.from({ length: NOTE_SIGNATURES_MAX }, () => signature)
  expect(openNote(note(...most), [peter]).verified).toHaveLength(1)
  expect(() => openNote(note(...most, signature), [peter])).toThrow(MALFORMED)
  const large = `${'x'.repeat(NOTE_BYTES_MAX)}\n\n${signature}\n`
  expect(() => openNote(large, [peter])).toThrow(MALFORMED)
})

test('what is no note by its form is refused', () => {
  const bad = [
    '',
    text,
    `${text}\n`,
    note(signature).slice(0, -1),
    `\u0001${note(signature)}`,
    `\t${note(signature)}`,
    note(signature).replaceAll('\n', '\r\n'),
    `\ud800${note(signature)}`,
    note('— Bad Name x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg='),
    `${note(signature)}Unexpected line.\n`,
    `${note(signature)}\n`,
    note(signature.replace('— ', '- ')),
    note(signature.replace('— ', '—  ')),
    note(`${signature} `),
    note(`${signature}=`),
    note('— PeterNeumann x08goQ=='.replace('Q==', '')),
  ]
  for (const text of bad) expect(() => parseNote(text)).toThrow(MALFORMED)
  const invalid = Buffer.concat([Uint8Array.of(0xff), Buffer.from(note(signature))])
  expect(() => parseNote(invalid)).toThrow(MALFORMED)
})

test('the text of a note ends at the last empty line', () => {
  const signer = createSigner('poet.example', KeyAlgorithm.ed25519, new Uint8Array(32))
  const poem = 'One\ntwo:\n\n\nand three.\n'
  expect(openNote(signNote({ text: poem }, [signer]), [signer.verifier]).text).toBe(poem)
  expect(() => signNote({ text: 'no line end' }, [signer])).toThrow(MALFORMED)
  expect(() => signNote({ text: 'x\u0000\n' }, [signer])).toThrow(MALFORMED)
})

test('no change of any byte of a note is believed', () => {
  const signed = Buffer.from(note(signature))
  for (let at = 0; at < signed.length; at++) {
    for (const bit of [0, 3, 7]) {
      const mangled = Uint8Array.from(signed)
      mangled[at] = (mangled[at] ?? 0) ^ (1 << bit)
      expect(() => openNote(mangled, [peter]), `byte ${at}, bit ${bit}`).toThrow(
        expect.objectContaining({ name: 'TlogError' }),
      )
    }
  }
  for (let end = 0; end < signed.length; end++) {
    expect(() => openNote(signed.subarray(0, end), [peter])).toThrow()
  }
})

test('nothing that anyone writes makes the reader fail otherwise than by refusing', () => {
  const lines = fc.array(
    fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(signature, '', '— ')),
  )
  fc.assert(
    fc.property(lines, (some) => {
      try {
        expect(openNote(some.join('\n'), [peter]).text).toBe(text)
      } catch (error) {
        expect(error).toMatchObject({ name: 'TlogError' })
      }
    }),
    { seed: SEED },
  )
})

test('the published cosigned checkpoint tells when it was cosigned', () => {
  const [, cosignature] = parseNote(c2sp.cosigned.note).signatures
  expect(decodeTime(cosignature?.signature ?? new Uint8Array(0))).toBe(c2sp.cosigned.seconds)
})
