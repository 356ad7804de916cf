import { expect, test } from 'vitest'
import { headOf, leavesOf, subproofOf } from '../test/reference-tree.ts'
import c2sp from '../test/vectors/c2sp.json' with { type: 'json' }
import { formatCheckpoint } from './checkpoint.ts'
import { EMPTY_ROOT } from './hash.ts'
import { KeyAlgorithm } from './key-material.ts'
import { parseNote } from './note.ts'
import { createSigner } from './note-key.ts'
import { signatureBy, signNote } from './signed-note.ts'
import { judgeCheckpoint, type WitnessedLog, type WitnessVerdict } from './witness.ts'
import {
  addSignatures,
  formatAddCheckpoint,
  formatCosignatures,
  formatKnownSize,
  openCosignatures,
  parseAddCheckpoint,
  parseKnownSize,
} from './witness-request.ts'

const ORIGIN = 'log.example'
const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const log = createSigner(ORIGIN, KeyAlgorithm.ed25519, seed(1))
const other = createSigner(ORIGIN, KeyAlgorithm.ed25519, seed(2))
const witness = createSigner('w.example', KeyAlgorithm.ed25519Cosignature, seed(3))
const leaves = leavesOf(100)
const forked = [...leaves.slice(0, 39), ...leavesOf(1), ...leaves.slice(40)]

const checkpointOf = (size: number, from = leaves, signer = log): string =>
  signNote({ text: formatCheckpoint({ origin: ORIGIN, ...headOf(from.slice(0, size)) }) }, [signer])

function request(oldSize: number, size: number, from = leaves): string {
  const proof = oldSize > 0 && oldSize <= size ? subproofOf(oldSize, from.slice(0, size)) : []
  return formatAddCheckpoint({ oldSize, proof, checkpoint: checkpointOf(size, from) })
}

/** A witness that knows one log up to some size. */
function judge(body: string, latest?: string): WitnessVerdict {
  const known: WitnessedLog = { keys: [log.verifier], ...(latest !== undefined && { latest }) }
  return judgeCheckpoint(body, (origin) => (origin === ORIGIN ? known : undefined))
}

test('a witness takes the first checkpoint, and each that goes on from it', () => {
  let latest: string | undefined
  let oldSize = 0
  for (const size of [1, 1, 40, 64, 100]) {
    const verdict = judge(request(oldSize, size), latest)
    expect(verdict).toMatchObject({ status: 200, checkpoint: { origin: ORIGIN, size } })
    if (verdict.status !== 200) break
    latest = verdict.latest
    oldSize = size
  }
  expect(latest).toBe(checkpointOf(100))
})

test('the first checkpoint may be that of the empty log, with its root', () => {
  const empty = judge(request(0, 0))
  expect(empty).toMatchObject({ status: 200 })
  expect(judge(request(0, 9), checkpointOf(0))).toMatchObject({ status: 200 })
  const text = formatCheckpoint({ origin: ORIGIN, size: 0, root: seed(1) })
  const wrong = { oldSize: 0, proof: [], checkpoint: signNote({ text }, [log]) }
  expect(judge(formatAddCheckpoint(wrong))).toMatchObject({ status: 422 })
})

test('a log that asks from another size is told the one that the witness knows', () => {
  expect(judge(request(0, 50), checkpointOf(40))).toEqual({ status: 409, size: 40 })
  expect(judge(request(41, 50), checkpointOf(40))).toEqual({ status: 409, size: 40 })
  expect(judge(request(20, 30), checkpointOf(40))).toEqual({ status: 409, size: 40 })
  expect(judge(request(1, 30))).toEqual({ status: 409, size: 0 })
  expect(parseKnownSize(formatKnownSize(40))).toBe(40)
  for (const wrong of ['40', '040\n', '\n', '-1\n']) {
    expect(() => parseKnownSize(wrong)).toThrow(
      expect.objectContaining({ code: 'witness_answer_invalid' }),
    )
  }
})

test('a tree that does not go on from the known one is not cosigned', () => {
  const fork = judge(request(40, 50, forked), checkpointOf(40))
  expect(fork).toMatchObject({ status: 422, reason: { code: 'proof_invalid' } })
  expect(fork).not.toHaveProperty('contradiction')
  const useless = { oldSize: 0, proof: [EMPTY_ROOT], checkpoint: checkpointOf(9) }
  expect(judge(formatAddCheckpoint(useless))).toMatchObject({ status: 422 })
})

test('two roots of one size are refused, and kept as what contradicts itself', () => {
  expect(judge(request(40, 40, forked), checkpointOf(40))).toMatchObject({
    status: 422,
    contradiction: { older: checkpointOf(40), newer: checkpointOf(40, forked) },
  })
})

test('what is malformed, unknown or not signed by the log has its own status', () => {
  expect(judge('old 1\n')).toMatchObject({ status: 400 })
  expect(judge(request(0, 9).replace('old 0', 'old x'))).toMatchObject({ status: 400 })
  expect(judge(request(9, 5), checkpointOf(9))).toMatchObject({ status: 400 })
  const unknown = judgeCheckpoint(request(0, 9), () => undefined)
  expect(unknown).toMatchObject({ status: 404, reason: { code: 'log_unknown' } })
  const body = (checkpoint: string): string =>
    formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint })
  expect(judge(body(checkpointOf(9, leaves, other)))).toMatchObject({ status: 403 })
  const forged = checkpointOf(9).replace('\n9\n', '\n8\n')
  expect(judge(body(forged))).toMatchObject({ status: 403 })
})

test('the request of the specification is read, and written as it was', () => {
  const parsed = parseAddCheckpoint(c2sp.addCheckpoint)
  expect(parsed).toMatchObject({ oldSize: 20_852_014 })
  expect(parsed.proof).toHaveLength(4)
  expect(parseNote(parsed.checkpoint).signatures).toHaveLength(2)
  expect(formatAddCheckpoint(parsed)).toBe(c2sp.addCheckpoint)
})

test.each([
  ['no old size', '\n\ncheckpoint\n'],
  ['an old size with zeros', 'old 01\n\ncheckpoint\n'],
  ['two spaces', 'old  1\n\ncheckpoint\n'],
  ['a hash that is none', 'old 1\nabc\n\ncheckpoint\n'],
  ['64 hashes', `old 1\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}\ncheckpoint\n`],
  ['no empty line', 'old 1\ncheckpoint\n'],
  ['too much', `old 1\n\n${'x'.repeat(300_000)}`],
])('a request with %s is refused', (_what, body) => {
  expect(() => parseAddCheckpoint(body)).toThrow(
    expect.objectContaining({ code: 'witness_request_malformed' }),
  )
})

test('the cosignatures of a witness are taken over, and nothing else that it answers', () => {
  const checkpoint = checkpointOf(40)
  const { text } = parseNote(checkpoint)
  const answer = formatCosignatures([
    signatureBy(witness, text, 1_700_000_000),
    signatureBy(other, text),
  ])
  const opened = openCosignatures(answer, checkpoint, [witness.verifier])
  expect(opened).toMatchObject([{ name: 'w.example', seconds: 1_700_000_000 }])
  const cosigned = addSignatures(checkpoint, opened)
  expect(cosigned.startsWith(checkpoint)).toBe(true)
  expect(addSignatures(cosigned, opened)).toBe(cosigned)
  const ofAnother = formatCosignatures([signatureBy(witness, parseNote(checkpointOf(41)).text, 1)])
  for (const wrong of ['', 'no line\n', answer.trimEnd(), ofAnother]) {
    expect(() => openCosignatures(wrong, checkpoint, [witness.verifier])).toThrow(
      expect.objectContaining({ code: 'witness_answer_invalid' }),
    )
  }
})
