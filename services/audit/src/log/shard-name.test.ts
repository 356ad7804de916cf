import { expect, test } from 'vitest'
import { FIRST_SHARD, isShardDue, monthOf, nextShardName, shardOrigin } from './shard-name.ts'

const NOVEMBER = Date.parse('2026-11-30T23:59:59.999Z')
const DECEMBER = Date.parse('2026-12-01T00:00:00.000Z')

test('a shard is named by the month of UTC in which it begins', () => {
  expect([monthOf(NOVEMBER), monthOf(DECEMBER)]).toEqual(['2026-11', '2026-12'])
  expect(nextShardName('2026-11', DECEMBER)).toBe('2026-12')
  expect(nextShardName(FIRST_SHARD, NOVEMBER)).toBe('2026-11')
  expect(shardOrigin('logs.example/audit', '2026-11')).toBe('logs.example/audit/2026-11')
  expect(shardOrigin('logs.example/audit', FIRST_SHARD)).toBe('logs.example/audit')
})

test('several of a month are numbered, and a clock that was set back leads nowhere', () => {
  expect(nextShardName('2026-11', NOVEMBER)).toBe('2026-11-2')
  expect(nextShardName('2026-11-9', NOVEMBER)).toBe('2026-11-10')
  expect(nextShardName('2026-12', NOVEMBER)).toBe('2026-12-2')
})

test('a shard is over with its month or by its size, and an empty one never', () => {
  const monthly = { monthly: true }
  const bySize = { monthly: false, leavesMax: 5 }
  expect(isShardDue({ name: '2026-11', size: 1 }, monthly, NOVEMBER)).toBe(false)
  expect(isShardDue({ name: '2026-11', size: 1 }, monthly, DECEMBER)).toBe(true)
  expect(isShardDue({ name: '2026-12', size: 1 }, monthly, NOVEMBER)).toBe(false)
  expect(isShardDue({ name: '2026-11', size: 0 }, monthly, DECEMBER)).toBe(false)
  expect(isShardDue({ name: FIRST_SHARD, size: 1 }, monthly, NOVEMBER)).toBe(true)
  expect(isShardDue({ name: '2026-11', size: 4 }, bySize, DECEMBER)).toBe(false)
  expect(isShardDue({ name: '2026-11', size: 5 }, bySize, DECEMBER)).toBe(true)
})
