import { expect, test } from 'vitest'
import { headOf, leavesOf, subproofOf, tilesOf } from '../test/reference-tree.ts'
import { formatCheckpoint } from './checkpoint.ts'
import {
  type Contradiction,
  contradictionOfEqualSize,
  contradictionOfProof,
  findContradiction,
  formatContradiction,
  parseContradiction,
  verifyContradiction,
} from './evidence.ts'
import { EMPTY_ROOT } from './hash.ts'
import { KeyAlgorithm } from './key-material.ts'
import { createSigner } from './note-key.ts'
import { signNote } from './signed-note.ts'
import { TiledTree } from './tiled-tree.ts'

const ORIGIN = 'log.example'
const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const log = createSigner(ORIGIN, KeyAlgorithm.ed25519, seed(1))
const other = createSigner(ORIGIN, KeyAlgorithm.ed25519, seed(2))
const leaves = leavesOf(400)
const forked = leaves.with(5, leaves[6] ?? EMPTY_ROOT)

const sign = (from: readonly Uint8Array[], origin = ORIGIN, signer = log): string =>
  signNote({ text: formatCheckpoint({ origin, ...headOf(from) }) }, [signer])
const treeOf = async (from: readonly Uint8Array[]): Promise<TiledTree> =>
  await TiledTree.open(headOf(from), tilesOf(from))
const INVALID = expect.objectContaining({ code: 'evidence_invalid' })

test('a log that rewrote its past is convicted by two of its checkpoints, at any sizes', async () => {
  const tree = await treeOf(leaves)
  for (const size of [6, 8, 255, 256, 399, 400]) {
    const older = sign(forked.slice(0, size))
    for (const [first, second] of [
      [older, sign(leaves)],
      [sign(leaves), older],
    ] as const) {
      const found = await findContradiction(first, second, tree)
      expect(found).toBeDefined()
      if (found === undefined) continue
      const read = parseContradiction(formatContradiction(found))
      const { older: small, newer: large } = verifyContradiction(read, [log.verifier])
      expect([small.size, large.size]).toEqual([size, 400])
    }
  }
})

test('a log that only grew is not accused', async () => {
  const tree = await treeOf(leaves)
  for (const size of [0, 1, 5, 256, 400]) {
    expect(await findContradiction(sign(leaves.slice(0, size)), sign(leaves), tree)).toBe(undefined)
  }
  const elsewhere = sign(forked, 'other.example')
  expect(await findContradiction(elsewhere, sign(leaves), tree)).toBe(undefined)
  const stranger = findContradiction(sign(leaves.slice(0, 3)), sign(forked), tree)
  await expect(stranger).rejects.toThrow(INVALID)
})

test('a log that proves the past that it made up is convicted by its own proof', () => {
  for (const size of [6, 7, 255, 300, 399]) {
    const [older, newer] = [sign(leaves.slice(0, size)), sign(forked)]
    const proof = subproofOf(size, forked)
    const found = contradictionOfProof(older, newer, proof)
    expect(found, `${size}`).toBeDefined()
    if (found === undefined) continue
    const { older: small } = verifyContradiction(found, [log.verifier])
    expect(small.size).toBe(size)
    expect(contradictionOfProof(older, newer, proof.slice(1))).toBe(undefined)
    expect(contradictionOfProof(older, sign(leaves), proof)).toBe(undefined)
    expect(contradictionOfProof(sign(forked.slice(0, size)), newer, proof)).toBe(undefined)
  }
  expect(contradictionOfProof(sign(leaves), sign(forked), [])).toBeDefined()
  const powerOfTwo = sign(leaves.slice(0, 256))
  expect(contradictionOfProof(powerOfTwo, sign(forked), subproofOf(256, forked))).toBe(undefined)
  expect(contradictionOfProof(sign(leaves), powerOfTwo, [])).toBe(undefined)
  expect(contradictionOfProof(sign([]), sign(forked), [])).toBe(undefined)
})

test('two roots of one size need no tiles', () => {
  const found = contradictionOfEqualSize(sign(leaves), sign(forked))
  expect(found && verifyContradiction(found, [log.verifier])).toMatchObject({
    older: { size: 400 },
    newer: { size: 400 },
  })
  expect(contradictionOfEqualSize(sign(leaves), sign(leaves))).toBe(undefined)
  expect(contradictionOfEqualSize(sign(leaves), sign(leaves.slice(1)))).toBe(undefined)
  expect(contradictionOfEqualSize(sign(leaves), sign(forked, 'other.example'))).toBe(undefined)
})

test('an empty log with a root is convicted, whichever of the two has it', () => {
  const text = formatCheckpoint({ origin: ORIGIN, size: 0, root: seed(7) })
  const absurd = signNote({ text }, [log])
  for (const [first, second] of [
    [absurd, sign([])],
    [sign([]), absurd],
  ] as const) {
    const found = contradictionOfEqualSize(first, second)
    expect(found && verifyContradiction(found, [log.verifier]).older.size).toBe(0)
  }
})

test('evidence that proves nothing is refused', async () => {
  const found = await findContradiction(
    sign(forked.slice(0, 100)),
    sign(leaves),
    await treeOf(leaves),
  )
  if (found === undefined) throw new Error('expected a contradiction')
  const agreeing = sign(leaves.slice(0, 100))
  const wrong: Contradiction[] = [
    { ...found, older: agreeing },
    { ...found, prefixRoot: headOf(forked.slice(0, 100)).root },
    { ...found, prefixRoot: EMPTY_ROOT },
    { ...found, proof: found.proof.slice(1) },
    { ...found, older: found.newer, newer: found.older },
    { ...found, older: sign(forked.slice(0, 100), ORIGIN, other) },
    { ...found, older: sign(forked.slice(0, 100), 'other.example') },
    { ...found, older: 'no note' },
  ]
  for (const evidence of wrong) {
    expect(() => verifyContradiction(evidence, [log.verifier])).toThrow(INVALID)
  }
  expect(() => verifyContradiction(found, [other.verifier])).toThrow(INVALID)
})

test('a file that is no evidence is refused', () => {
  const found = contradictionOfEqualSize(sign(leaves), sign(forked))
  if (found === undefined) throw new Error('expected a contradiction')
  const file = JSON.parse(formatContradiction(found)) as Record<string, unknown>
  for (const wrong of [
    'no JSON',
    '[]',
    'null',
    JSON.stringify({ ...file, format: 'another' }),
    JSON.stringify({ ...file, older: 1 }),
    JSON.stringify({ ...file, prefixRoot: 'abc' }),
    JSON.stringify({ ...file, proof: 'abc' }),
    JSON.stringify({ ...file, proof: [7] }),
    ' '.repeat(2 * 1024 * 1024),
  ]) {
    expect(() => parseContradiction(wrong)).toThrow(
      expect.objectContaining({ code: 'evidence_malformed' }),
    )
  }
})
