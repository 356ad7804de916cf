import { expect, test } from 'vitest'
import { Random } from './random.ts'

const drawn = (seed: string): number[] => {
  const random = new Random(seed)
  return Array.from({ length: 50 }, () => random.between(-3, 3))
}

test('a seed repeats its choices, and another one makes others', () => {
  expect(drawn('a')).toEqual(drawn('a'))
  expect(drawn('a')).not.toEqual(drawn('b'))
})

test('every choice comes, and none beyond the ends', () => {
  expect(new Set(drawn('a'))).toEqual(new Set([-3, -2, -1, 0, 1, 2, 3]))
  const random = new Random('c')
  const picked = Array.from({ length: 50 }, () => random.pick(['x', 'y']))
  expect(new Set(picked)).toEqual(new Set(['x', 'y']))
  expect(random.chance(0)).toBe(false)
  expect(random.chance(1)).toBe(true)
})
