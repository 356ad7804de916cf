import fc from 'fast-check'
import { expect, test } from 'vitest'
import { leavesOf, pathOf, rootOf, subproofOf } from '../test/reference-tree.ts'
import { completeParts, consistencyRanges, inclusionRanges, type Range } from './ranges.ts'

const SEED = 2

test('any range is made of complete subtrees that lie side by side and are as large as can be', () => {
  const range = fc
    .tuple(fc.maxSafeNat(), fc.nat(2 ** 40))
    .map(([start, length]) => ({ start, end: Math.min(start + length, Number.MAX_SAFE_INTEGER) }))
  fc.assert(
    fc.property(range, (whole) => {
      const parts = completeParts(whole)
      let at = whole.start
      for (const { start, end } of parts) {
        const width = end - start
        expect([start, Math.log2(width) % 1, start % width]).toEqual([at, 0, 0])
        expect(start % (2 * width) === 0 && start + 2 * width <= whole.end).toBe(false)
        at = end
      }
      expect(at).toBe(Math.max(whole.start, whole.end))
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test('the ranges of a proof are those whose roots make the proof of the definition', () => {
  const leaves = leavesOf(130)
  for (let size = 1; size <= leaves.length; size += 3) {
    const tree = leaves.slice(0, size)
    const roots = (ranges: readonly Range[]): Uint8Array[] =>
      ranges.map(({ start, end }) => rootOf(tree.slice(start, end)))
    for (let at = 0; at < size; at += 5) {
      expect(roots(inclusionRanges(at, size))).toEqual(pathOf(at, tree))
      expect(roots(consistencyRanges(at + 1, size))).toEqual(subproofOf(at + 1, tree))
    }
  }
})
