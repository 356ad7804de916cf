import { expect, test } from 'vitest'
import { isDecisionId, newDecisionId } from './ids.ts'

test('an id is a UUIDv7 that begins with its time', () => {
  const id = newDecisionId(0x0193_5a2b_3c4d)
  expect(isDecisionId(id)).toBe(true)
  expect(id.slice(0, 13)).toBe('01935a2b-3c4d')
})

test('ids that share a millisecond differ, across many blocks of random bytes', () => {
  const ids = Array.from({ length: 5_000 }, () => newDecisionId(1))
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.every(isDecisionId)).toBe(true)
})

test('another version or variant is no decision id', () => {
  expect(isDecisionId('01935a2b-3c4d-4abc-8abc-0123456789ab')).toBe(false)
  expect(isDecisionId('01935a2b-3c4d-7abc-cabc-0123456789ab')).toBe(false)
})
