import { expect, test } from 'vitest'
import { entryOf, headOf, leavesOf, pathOf } from '../test/reference-tree.ts'
import { formatCheckpoint } from './checkpoint.ts'
import { leafHash } from './hash.ts'
import { KeyAlgorithm } from './key-material.ts'
import { createSigner, formatVerifierKey } from './note-key.ts'
import { signNote } from './signed-note.ts'
import { EXTRA_BYTES_MAX, formatTlogProof, parseTlogProof, verifyTlogProof } from './tlog-proof.ts'
import { parseTrustPolicy } from './trust-policy.ts'
import { trustCheckpoint } from './trusted-checkpoint.ts'

const ORIGIN = 'log.example'
const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const log = createSigner(ORIGIN, KeyAlgorithm.ed25519, seed(1))
const witness = createSigner('w.example', KeyAlgorithm.ed25519Cosignature, seed(2))
const mlDsaLog = createSigner('pq.example', KeyAlgorithm.mlDsa44Cosignature, seed(3))
const keys = [log, mlDsaLog].map(({ verifier }) => `log ${formatVerifierKey(verifier)}\n`).join('')
const alone = parseTrustPolicy(`${keys}quorum none\n`)
const witnessed = parseTrustPolicy(
  `${keys}witness w ${formatVerifierKey(witness.verifier)}\nquorum w\n`,
)
const leaves = leavesOf(300)
const text = formatCheckpoint({ origin: ORIGIN, ...headOf(leaves) })
const checkpoint = signNote({ text }, [log, witness], 1_700_000_000)
const receipt = formatTlogProof({ index: 77, hashes: pathOf(77, leaves), checkpoint })
const coded = (code: string): unknown => expect.objectContaining({ code })

test('a receipt verifies by itself and a policy, and tells who signed when', () => {
  const verified = verifyTlogProof(receipt, leafHash(entryOf(77)), witnessed)
  expect(verified).toMatchObject({
    index: 77,
    checkpoint: { origin: ORIGIN, size: 300 },
    witnesses: [{ name: 'w', seconds: 1_700_000_000 }],
  })
  expect(verified.log.name).toBe(ORIGIN)
  expect(formatTlogProof(parseTlogProof(receipt))).toBe(receipt)
})

test('a receipt is of one entry at one index', () => {
  const verify = (proof: string, of: number): unknown =>
    verifyTlogProof(proof, leafHash(entryOf(of)), witnessed)
  expect(() => verify(receipt, 78)).toThrow(coded('proof_invalid'))
  expect(() => verify(receipt.replace('index 77', 'index 76'), 77)).toThrow(coded('proof_invalid'))
  expect(() => verify(receipt.replace('index 77', 'index 300'), 77)).toThrow(coded('size_invalid'))
})

test('no change of any byte of a receipt is believed', () => {
  const entry = leafHash(entryOf(77))
  const bytes = Buffer.from(receipt)
  for (let at = 0; at < bytes.length; at++) {
    const mangled = Buffer.from(bytes)
    mangled[at] = (mangled[at] ?? 0) ^ 1
    expect(() => verifyTlogProof(mangled.toString(), entry, witnessed), `byte ${at}`).toThrow(
      expect.objectContaining({ name: 'TlogError' }),
    )
  }
})

test('what is beside the proof is handed on', () => {
  for (const extra of [Buffer.from('extra information'), new Uint8Array(0)]) {
    const proof = formatTlogProof({ index: 10, hashes: [leafHash(extra)], checkpoint, extra })
    expect(proof).toMatch(/^c2sp\.org\/tlog-proof@v1\nextra \S*\nindex 10\n/)
    expect(Buffer.compare(parseTlogProof(proof).extra ?? Buffer.from('none'), extra)).toBe(0)
  }
  const none = formatTlogProof({ index: 0, hashes: [], checkpoint: 'checkpoint\n' })
  expect(none).toBe('c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint\n')
  expect(parseTlogProof(none)).not.toHaveProperty('extra')
})

const HASH = Buffer.alloc(32).toString('base64')
test.each([
  ['another header', 'wrong-header\nindex 0\n\ncheckpoint\n'],
  ['no base64 beside it', 'c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n\ncheckpoint\n'],
  ['no index', 'c2sp.org/tlog-proof@v1\n\n\ncheckpoint\n'],
  ['a word for an index', 'c2sp.org/tlog-proof@v1\nindex notanumber\n\ncheckpoint\n'],
  ['an index below zero', 'c2sp.org/tlog-proof@v1\nindex -5\n\ncheckpoint\n'],
  ['an index with zeros', 'c2sp.org/tlog-proof@v1\nindex 05\n\ncheckpoint\n'],
  ['a hash that is none', 'c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\ncheckpoint\n'],
  ['too long a hash', `c2sp.org/tlog-proof@v1\nindex 0\n${HASH}${HASH}\n\ncheckpoint\n`],
  ['a long line', `c2sp.org/tlog-proof@v1\nindex 0\n${'a'.repeat(65 * 1024)}\n`],
  ['too many hashes', `c2sp.org/tlog-proof@v1\nindex 0\n${`${HASH}\n`.repeat(64)}\ncheckpoint\n`],
  ['no checkpoint', 'c2sp.org/tlog-proof@v1\nindex 0\n'],
  ['too much of everything', 'x'.repeat(1024 * 1024)],
])('a receipt with %s is refused', (_what, proof) => {
  expect(() => parseTlogProof(proof)).toThrow(coded('proof_malformed'))
})

test('a receipt that would not be read again is not written', () => {
  const good = { index: 0, hashes: [], checkpoint }
  const extra = new Uint8Array(EXTRA_BYTES_MAX + 1)
  expect(() => formatTlogProof({ ...good, extra })).toThrow(coded('proof_malformed'))
  expect(() => formatTlogProof({ ...good, index: -1 })).toThrow(coded('size_invalid'))
  expect(() => formatTlogProof({ ...good, hashes: [extra] })).toThrow(coded('hash_invalid'))
})

test('a checkpoint without its witnesses is not trusted, whatever its log says', () => {
  const unwitnessed = signNote({ text }, [log])
  expect(trustCheckpoint(unwitnessed, alone).witnesses).toEqual([])
  expect(() => trustCheckpoint(unwitnessed, witnessed)).toThrow(coded('quorum_missing'))
})

test('a checkpoint that witnesses alone signed, or a log under another name, is not trusted', () => {
  const byWitness = signNote({ text }, [witness], 1)
  expect(() => trustCheckpoint(byWitness, witnessed)).toThrow(coded('log_unknown'))
  const renamed = formatCheckpoint({ origin: 'other.example', ...headOf(leaves) })
  const byAnother = signNote({ text: renamed }, [log, witness], 1)
  expect(() => trustCheckpoint(byAnother, witnessed)).toThrow(coded('log_unknown'))
  const bare = parseTrustPolicy('quorum none\n')
  expect(() => trustCheckpoint(checkpoint, bare)).toThrow(coded('note_unverified'))
})

test('a log may sign with ML-DSA-44, but not for lines that this does not cover', () => {
  const head = { origin: 'pq.example', ...headOf(leaves) }
  const signed = signNote({ text: formatCheckpoint(head) }, [mlDsaLog], 1)
  expect(trustCheckpoint(signed, alone).log.name).toBe('pq.example')
  const extended = formatCheckpoint({ ...head, extensions: ['more'] })
  expect(() => trustCheckpoint(signNote({ text: extended }, [mlDsaLog], 1), alone)).toThrow(
    coded('checkpoint_malformed'),
  )
})
