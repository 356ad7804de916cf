import fc from 'fast-check'
import { expect, test } from 'vitest'
import { policyKey, policyPath } from './policy-keys.ts'

const path = fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { minLength: 1, maxLength: 8 })

test('each path has a key of its own, from which it can be read', () => {
  fc.assert(
    fc.property(path, (segments) => {
      const key = policyKey(segments)
      expect(key).toMatch(/^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$/)
      expect(policyPath(key ?? '')).toEqual(segments)
    }),
  )
})

test('no key but that of a path is read as one', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'aA=.0f4'), maxLength: 12 }), (key) => {
      const segments = policyPath(key)
      if (segments) expect(policyKey(segments)).toBe(key)
    }),
  )
  for (const key of ['', '.', 'a.', 'a..b', '=41', '=C3=A9', '=c3', 'a=', 'é', 'a*', '=ff']) {
    expect(policyPath(key), key).toBeUndefined()
  }
})

test.each([
  [['shop', 'roles'], 'shop.roles'],
  [['a.b', 'c d'], 'a=2eb.c=20d'],
  [['', 'é'], '=.=c3=a9'],
])('%j is %s', (segments, key) => {
  expect(policyKey(segments)).toBe(key)
})

test('a path that is empty, too deep, too long or no Unicode has no key', () => {
  expect(policyKey([])).toBeUndefined()
  expect(policyKey(Array<string>(33).fill('a'))).toBeUndefined()
  expect(policyKey(['a'.repeat(1025)])).toBeUndefined()
  expect(policyKey(['\ud800'])).toBeUndefined()
})
