import { expect, test } from 'vitest'
import { lowerCase, upperCase } from './letter-case.ts'

test('letters that Go does not know yet keep their case', () => {
  const newer = ['\u{1c89}', '\u{a7cb}', '\u{a7da}', '\u{10d50}', '\u{10d65}', '\u{16ea0}']
  expect(newer.map(lowerCase)).toEqual(newer)
  const small = ['\u{19b}', '\u{264}', '\u{1c8a}', '\u{a7db}', '\u{10d70}', '\u{16ed3}']
  expect(small.map(upperCase)).toEqual(small)
})
