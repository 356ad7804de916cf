import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headOf, leavesOf, pathOf, rootOf, subproofOf } from '../test/reference-tree.ts'
import vectors from '../test/vectors/merkle.json' with { type: 'json' }
import { EMPTY_ROOT, leafHash } from './hash.ts'
import { verifyConsistency, verifyInclusion } from './verify-proof.ts'

const SEED = 6962
const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex')
const root = (size: number): Uint8Array => bytes(vectors.roots[size] ?? '')
const RANDOM_HASH = bytes(`abacaba0${'0'.repeat(38)}60061e00123456`.padEnd(64, '0').slice(0, 64))
const NO_HASH = new Uint8Array(0)
const WRONG = Buffer.from('WrongHash')

interface Inclusion {
  readonly index: number
  readonly size: number
  readonly leaf: Uint8Array
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}
interface Consistency {
  readonly older: number
  readonly newer: number
  readonly olderRoot: Uint8Array
  readonly newerRoot: Uint8Array
  readonly proof: readonly Uint8Array[]
}

function included({ index, size, leaf, root, proof }: Inclusion): boolean {
  return holds(() => verifyInclusion({ index, leafHash: leaf }, { size, root }, proof))
}

function consistent({ older, newer, olderRoot, newerRoot, proof }: Consistency): boolean {
  return holds(() =>
    verifyConsistency({ size: older, root: olderRoot }, { size: newer, root: newerRoot }, proof),
  )
}

function holds(verify: () => void): boolean {
  try {
    verify()
    return true
  } catch (error) {
    expect(error).toMatchObject({ name: 'TlogError' })
    return false
  }
}

function flipped(hash: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(hash)
  copy[Math.floor(bit / 8)] = (copy[Math.floor(bit / 8)] ?? 0) ^ (1 << (bit % 8))
  return copy
}

/** Changes that make any proof wrong: those of the published vectors. */
function proofChanges(
  proof: readonly Uint8Array[],
  roots: readonly Uint8Array[],
): (readonly Uint8Array[])[] {
  const [first, ...rest] = proof
  return [
    [...proof, NO_HASH],
    [NO_HASH, ...proof],
    ...roots.flatMap((hash) => [
      [...proof, hash],
      [hash, ...proof],
    ]),
    ...proof.map((hash, i) => proof.with(i, flipped(hash, 4))),
    ...(first === undefined ? [] : [proof.slice(0, -1), [first, ...proof]]),
    ...(first !== undefined && rest.length > 0 ? [[first, RANDOM_HASH, ...rest]] : []),
  ]
}

function inclusionChanges(good: Inclusion): Inclusion[] {
  const { index, size, proof } = good
  return [
    ...[index - 1, index + 1, index ^ 2].map((other) => ({ ...good, index: other })),
    ...[size * 2, Math.floor(size / 2)].map((other) => ({ ...good, size: other })),
    { ...good, leaf: WRONG },
    ...[EMPTY_ROOT, RANDOM_HASH].map((other) => ({ ...good, root: other })),
    ...proofChanges(proof, [good.root]).map((other) => ({ ...good, proof: other })),
  ]
}

function consistencyChanges(good: Consistency): Consistency[] {
  const { older, newer, olderRoot, newerRoot, proof } = good
  return [
    ...[older - 1, older + 1, older ^ 2].map((other) => ({ ...good, older: other })),
    ...[newer * 2, Math.floor(newer / 2)].map((other) => ({ ...good, newer: other })),
    { ...good, olderRoot: WRONG },
    { ...good, newerRoot: WRONG },
    { ...good, olderRoot: newerRoot, newerRoot: olderRoot },
    { ...good, proof: [] },
    ...proofChanges(proof, [olderRoot, newerRoot]).map((other) => ({ ...good, proof: other })),
  ]
}

test('the published proofs of inclusion hold, and none of their changes', () => {
  for (const { index, size, proof } of vectors.inclusion) {
    const leaf = leafHash(bytes(vectors.leaves[index] ?? ''))
    const good = { index, size, leaf, root: root(size), proof: proof.map(bytes) }
    expect(included(good)).toBe(true)
    expect(inclusionChanges(good).filter(included)).toEqual([])
  }
})

test('nothing is included where the published vectors say so', () => {
  const sizes = [
    [0, 0],
    [0, 1],
    [1, 0],
    [2, 1],
  ] as const
  for (const [index, size] of sizes) {
    const at = { index, size, proof: [] }
    expect(included({ ...at, leaf: RANDOM_HASH, root: NO_HASH })).toBe(false)
    expect(included({ ...at, leaf: NO_HASH, root: EMPTY_ROOT })).toBe(false)
    expect(included({ ...at, leaf: RANDOM_HASH, root: EMPTY_ROOT })).toBe(false)
  }
  const only = leafHash(Buffer.from('data'))
  const single = { index: 0, size: 1, proof: [] }
  expect(included({ ...single, leaf: only, root: only })).toBe(true)
  expect(included({ ...single, leaf: NO_HASH, root: only })).toBe(false)
  expect(included({ ...single, leaf: only, root: NO_HASH })).toBe(false)
  expect(included({ ...single, leaf: NO_HASH, root: NO_HASH })).toBe(false)
})

test('the published proofs of consistency hold, and none of their changes', () => {
  for (const { older, newer, proof } of vectors.consistency) {
    const roots = { olderRoot: root(older), newerRoot: root(newer) }
    const good = { older, newer, ...roots, proof: proof.map(bytes) }
    expect(consistent(good)).toBe(true)
    if (proof.length === 0) continue
    expect(consistencyChanges(good).filter(consistent)).toEqual([])
  }
})

test('trees are consistent at the edges as the published vectors say', () => {
  const one = root(1)
  const cases: [number, number, Uint8Array, Uint8Array, Uint8Array[], boolean][] = [
    [0, 0, EMPTY_ROOT, EMPTY_ROOT, [], true],
    [0, 0, one, one, [], false],
    [0, 0, WRONG, WRONG, [], false],
    [0, 0, EMPTY_ROOT, one, [], false],
    [1, 1, one, one, [], true],
    [1, 1, WRONG, WRONG, [], false],
    [1, 1, EMPTY_ROOT, one, [], false],
    [0, 1, EMPTY_ROOT, one, [], false],
    [0, 1, EMPTY_ROOT, EMPTY_ROOT, [EMPTY_ROOT], false],
    [1, 0, one, EMPTY_ROOT, [], false],
    [2, 1, root(2), one, [], false],
    [1, 2, one, root(2), [], false],
    [0, 0, EMPTY_ROOT, EMPTY_ROOT, [EMPTY_ROOT], false],
    [1, 1, EMPTY_ROOT, EMPTY_ROOT, [EMPTY_ROOT], false],
  ]
  for (const [older, newer, olderRoot, newerRoot, proof, expected] of cases) {
    expect(consistent({ older, newer, olderRoot, newerRoot, proof })).toBe(expected)
  }
})

test('a proof of inclusion in any tree holds, and no change of one bit of anything in it', () => {
  const tree = fc.integer({ min: 1, max: 700 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      index: fc.nat(size - 1),
      bit: fc.nat(255),
      which: fc.nat(63),
    }),
  )
  const leaves = leavesOf(700)
  fc.assert(
    fc.property(tree, ({ size, index, bit, which }) => {
      const logged = leaves.slice(0, size)
      const leaf = logged[index] ?? NO_HASH
      const proof = pathOf(index, logged)
      const good = { index, size, leaf, root: rootOf(logged), proof }
      expect(included(good)).toBe(true)
      expect(included({ ...good, leaf: flipped(leaf, bit) })).toBe(false)
      expect(included({ ...good, root: flipped(good.root, bit) })).toBe(false)
      expect(inclusionChanges(good).filter(included)).toEqual([])
      const i = which % Math.max(1, proof.length)
      const hash = proof[i]
      if (hash !== undefined) {
        expect(included({ ...good, proof: proof.with(i, flipped(hash, bit)) })).toBe(false)
      }
      const others = [...logged.keys()].filter((other) => other !== index)
      expect(others.filter((other) => included({ ...good, index: other }))).toEqual([])
    }),
    { seed: SEED, numRuns: 40 },
  )
})

test('a proof of consistency between any trees holds, and none of its changes', () => {
  const leaves = leavesOf(700)
  const sizes = fc
    .integer({ min: 2, max: 700 })
    .chain((newer) =>
      fc.record({ newer: fc.constant(newer), older: fc.integer({ min: 1, max: newer - 1 }) }),
    )
  fc.assert(
    fc.property(sizes, ({ older, newer }) => {
      const [first, second] = [headOf(leaves.slice(0, older)), headOf(leaves.slice(0, newer))]
      const proof = subproofOf(older, leaves.slice(0, newer))
      const good = { older, newer, olderRoot: first.root, newerRoot: second.root, proof }
      expect(consistent(good)).toBe(true)
      expect(consistencyChanges(good).filter(consistent)).toEqual([])
    }),
    { seed: SEED, numRuns: 60 },
  )
})

test('a true proof of a larger tree proves nothing of a tree that is said to be smaller', () => {
  const leaves = leavesOf(8)
  const [first = NO_HASH, leaf = NO_HASH] = leaves
  const pair = { root: rootOf(leaves.slice(0, 2)), leaf, proof: [first] }
  expect(included({ ...pair, index: 1, size: 2 })).toBe(true)
  expect(included({ ...pair, index: 0, size: 1 })).toBe(false)
  const grown = {
    olderRoot: rootOf(leaves.slice(0, 7)),
    newerRoot: rootOf(leaves),
    proof: subproofOf(7, leaves),
  }
  expect(consistent({ ...grown, older: 7, newer: 8 })).toBe(true)
  expect(consistent({ ...grown, older: 3, newer: 4 })).toBe(false)
})

test('sizes beyond 32 bits are reckoned with exactly, and beyond 53 bits not at all', () => {
  const size = Number.MAX_SAFE_INTEGER
  const height = 53
  const leaf = leafHash(Buffer.from('x'))
  const proof = Array.from({ length: height }, () => RANDOM_HASH)
  const at = { index: 2 ** 40 + 1, size, leaf, root: EMPTY_ROOT, proof }
  expect(() => verifyInclusion({ index: at.index, leafHash: leaf }, at, proof)).toThrow(
    'leads to another root',
  )
  expect(() => verifyInclusion({ index: at.index, leafHash: leaf }, at, proof.slice(1))).toThrow(
    'too short',
  )
  for (const wrong of [2 ** 53, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => verifyInclusion({ index: 0, leafHash: leaf }, { ...at, size: wrong }, [])).toThrow(
      expect.objectContaining({ code: 'size_invalid' }),
    )
  }
})
