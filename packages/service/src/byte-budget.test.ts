import { expect, test } from 'vitest'
import { ByteBudget } from './byte-budget.ts'

test('no more is taken than there may be, and what is given back can be taken again', () => {
  const budget = new ByteBudget(10)
  expect([budget.take(6), budget.take(5), budget.take(4), budget.take(1)]).toEqual([
    true,
    false,
    true,
    false,
  ])
  budget.give(6)
  expect(budget.take(6)).toBe(true)
})
