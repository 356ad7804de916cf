import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SeenPlaces } from './seen-places.ts'

const place = fc.record({
  instance: fc.constantFrom('pdp-1', 'pdp-2'),
  epoch: fc.constantFrom(1, 2),
  n: fc.integer({ min: 1, max: 40 }),
})

test('a place is new once, in whatever order places come', () => {
  fc.assert(
    fc.property(fc.array(place, { maxLength: 200 }), (places) => {
      const seen = new SeenPlaces()
      const known = new Set<string>()
      for (const one of places) {
        const key = JSON.stringify(one)
        expect(seen.add(one)).toBe(!known.has(key))
        known.add(key)
      }
    }),
  )
})

test('beyond the bound of runs a place is rather missed than taken for new twice', () => {
  fc.assert(
    fc.property(fc.array(place, { maxLength: 200 }), (places) => {
      const seen = new SeenPlaces({ runsMax: 2 })
      const known = new Set<string>()
      for (const one of places) {
        const key = JSON.stringify(one)
        if (seen.add(one)) expect(known.has(key)).toBe(false)
        known.add(key)
      }
    }),
  )
})

test('of too many journals the one that was silent longest is forgotten', () => {
  const seen = new SeenPlaces({ journalsMax: 2 })
  const add = (instance: string): boolean => seen.add({ instance, epoch: 1, n: 1 })
  expect([add('a'), add('b'), add('a'), add('c')]).toEqual([true, true, false, true])
  expect([add('a'), add('c'), add('b')]).toEqual([false, false, true])
})
