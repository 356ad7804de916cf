import { expect, test } from 'vitest'
import { Chains } from './chains.ts'

const PATIENCE = { patienceMs: 1_000 }
const place = (n: number, epoch = 1, instance = 'a') => ({ instance, epoch, n })

function at(nowMs: { value: number }): Chains {
  return new Chains([], { ...PATIENCE, now: () => nowMs.value })
}

test('records that others have overtaken are late, and missing when they do not come', () => {
  const now = { value: 0 }
  const chains = at(now)
  expect([5, 6, 9].map((n) => chains.take(place(n)))).toEqual(['next', 'next', 'next'])
  expect([7, 6, 9].map((n) => chains.take(place(n)))).toEqual(['late', 'repeated', 'repeated'])
  now.value = 1_000
  expect(chains.overdue()).toBeUndefined()
  now.value = 1_001
  expect(chains.overdue()).toMatchObject({
    code: 'event_missing',
    message: expect.stringContaining('record 8 of `a` (epoch 1) did not come'),
    missing: { instance: 'a', epoch: 1, from: 8, to: 8 },
  })
  expect(chains.overdue()).toBeUndefined()
  // It is not waited for any more, and nothing else of it is lost.
  expect(chains.take(place(8))).toBe('repeated')
  expect(chains.take(place(10))).toBe('next')
})

test('a new epoch begins with 1, a new decision point anywhere', () => {
  const now = { value: 0 }
  const chains = at(now)
  chains.take(place(5))
  chains.take(place(3, 2))
  chains.take(place(9, 1, 'b'))
  now.value = 2_000
  expect(chains.overdue()).toMatchObject({ missing: { instance: 'a', epoch: 2, from: 1, to: 2 } })
  expect(chains.overdue()).toBeUndefined()
})

test('what is remembered goes on with the same holes, and a copy leaves the first alone', () => {
  const first = new Chains([], PATIENCE)
  for (const n of [1, 4]) first.take(place(n))
  const copy = first.copy()
  expect(copy.take(place(2))).toBe('late')
  expect(first.state).toEqual([{ instance: 'a', epoch: 1, next: 5, gaps: [[2, 3]] }])
  const again = new Chains(copy.state, PATIENCE)
  expect([2, 3, 4, 5].map((n) => again.take(place(n)))).toEqual([
    'repeated',
    'late',
    'repeated',
    'next',
  ])
})

test('of more holes than are held the first is told at once', () => {
  const chains = new Chains([], { patienceMs: 1e9 })
  for (let n = 1; n <= 2 * 1_025 + 1; n += 2) chains.take(place(n))
  expect(chains.overdue()).toMatchObject({ missing: { from: 2, to: 2 } })
  expect(chains.overdue()).toBeUndefined()
})
