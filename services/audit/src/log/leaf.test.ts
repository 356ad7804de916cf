import { hash } from 'node:crypto'
import { JOURNAL_LINE_BYTES_MAX } from '@verdict/contract'
import { TestJournal } from '@verdict/kit'
import { ENTRY_BYTES_MAX } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { FindingKind } from '../chain/finding.ts'
import { decisionLeaf, findingLeaves, fitsLeaf, readLeaf, splitDecision } from './leaf.ts'

test('the leaf of a decision is the line of its journal', () => {
  const line = new TestJournal('pdp').append({ path: '/ä/😀' })
  const leaf = decisionLeaf(line)
  expect(Buffer.from(leaf).toString()).toBe(`${line.hash} ${line.json}`)
  expect(readLeaf(leaf)).toEqual({ kind: 'decision', line })
  expect(splitDecision(leaf)).toEqual({ hash: line.hash, json: line.json })
})

test('the longest line of a journal is the longest leaf', () => {
  expect(JOURNAL_LINE_BYTES_MAX - 1).toBe(ENTRY_BYTES_MAX)
  const line = new TestJournal('pdp').append()
  const longest = { ...line, json: 'x'.repeat(ENTRY_BYTES_MAX - 44) }
  expect(fitsLeaf(longest)).toBe(true)
  expect(decisionLeaf(longest)).toHaveLength(ENTRY_BYTES_MAX)
  expect(fitsLeaf({ ...line, json: `${longest.json}x` })).toBe(false)
})

test('a finding is canonical JSON, and its evidence is in as many leaves as it takes', () => {
  const evidence = Buffer.alloc(520_000, 'evidence')
  const finding = { kind: FindingKind.malformedBatch, key: 'k', seq: 7, detail: 'why', evidence }
  const [first, ...parts] = findingLeaves(finding, '2026-03-01T00:00:00.000Z')
  const sha256 = hash('sha256', evidence, 'hex')
  const about = `{"bytes":520000,"leaves":11,"sha256":"${sha256}"}`
  const rest = `"key":"k","kind":"malformed_batch","noticedAt":"2026-03-01T00:00:00.000Z","seq":7`
  expect(Buffer.from(first ?? []).toString()).toBe(
    `{"finding":{"detail":"why","evidence":${about},${rest}},"v":1}`,
  )
  const found = parts.map((part) => {
    expect(part.length).toBeLessThanOrEqual(ENTRY_BYTES_MAX)
    const leaf = readLeaf(part)
    return leaf.kind === 'evidence' ? leaf.bytes : Buffer.alloc(0)
  })
  expect(parts).toHaveLength(11)
  expect(Buffer.concat(found).equals(evidence)).toBe(true)
})

test('a leaf of a later version is passed over', () => {
  expect(readLeaf(Buffer.from('{"approval":{},"v":1}'))).toEqual({ kind: 'unknown' })
  expect(readLeaf(Buffer.from('{"finding":{},"v":2}'))).toEqual({ kind: 'unknown' })
})
