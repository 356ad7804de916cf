import { expect, test } from 'vitest'
import vectors from '../test/vectors/merkle.json' with { type: 'json' }
import { EMPTY_ROOT, ENTRY_BYTES_MAX, leafHash, nodeHash, rootOfRow } from './hash.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
const hex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex')

test('every leaf and every node of the published tree has its published hash', () => {
  expect(hex(EMPTY_ROOT)).toBe(vectors.roots[0])
  expect(vectors.leaves.map((leaf) => hex(leafHash(bytes(leaf))))).toEqual(vectors.nodes[0])
  for (const [level, hashes] of vectors.nodes.slice(1).entries()) {
    const below = vectors.nodes[level] ?? []
    expect(hashes).toEqual(
      hashes.map((_, i) => hex(nodeHash(bytes(below[2 * i] ?? ''), bytes(below[2 * i + 1] ?? '')))),
    )
  }
})

test('the root of hashes in a row is that of the complete tree over them', () => {
  const row = Buffer.concat((vectors.nodes[0] ?? []).map(bytes))
  for (const count of [1, 2, 4, 8]) expect(hex(rootOfRow(row, count))).toBe(vectors.roots[count])
  expect(hex(row.subarray(0, 32))).toBe(vectors.nodes[0]?.[0])
})

test('an entry that no bundle can hold is refused', () => {
  expect(leafHash(Buffer.alloc(ENTRY_BYTES_MAX))).toHaveLength(32)
  expect(() => leafHash(Buffer.alloc(ENTRY_BYTES_MAX + 1))).toThrow(
    expect.objectContaining({ code: 'entry_too_large' }),
  )
})
