import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyValue } from '../../test/any-value.ts'
import { equal, objectOf, setOf } from './compare.ts'
import { readValue } from './read.ts'
import { Decimal } from './value.ts'
import { writeJson, writeValue } from './write.ts'

test('what is written is read as the same value, in the same order', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const read = readValue(writeValue(value))
      expect(equal(read, value)).toBe(true)
      expect(writeValue(read)).toBe(writeValue(value))
    }),
  )
})

test('JSON is read as JavaScript reads it', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(3), (json, indent) => {
      const parsed = JSON.parse(json)
      const read = readValue(JSON.stringify(parsed, undefined, indent))
      expect(JSON.parse(writeJson(read))).toEqual(parsed)
    }),
  )
})

test.each([
  ['set()', new Set()],
  ['{}', new Map()],
  ['[]', []],
  ['{1}', new Set([1])],
  [
    ' { "b" : 1 , "a" : set() } ',
    objectOf([
      ['a', new Set()],
      ['b', 1],
    ]),
  ],
  ['{3,1,2,1}', setOf([1, 2, 3])],
  ['{"a":1,"a":2}', new Map([['a', 2]])],
  ['{[1]:{2:null}}', new Map([[[1], new Map([[2, null]])]])],
  ['"a\\"\\\\\\u00e9"', 'a"\\é'],
  ['["a\\\\","b\\n","c"]', ['a\\', 'b\n', 'c']],
  ['9007199254740993', 9007199254740993n],
  ['-9007199254740993', -9007199254740993n],
  ['0.1000000000000000055', new Decimal('0.1000000000000000055')],
  ['1e400', new Decimal('1e400')],
  ['1.0', new Decimal('1.0')],
  ['[true,false,null]', [true, false, null]],
])('%s is read', (written, value) => {
  expect(readValue(written)).toEqual(value)
})

test.each([
  '',
  ' ',
  '[',
  '[1',
  '[1,]',
  '[,1]',
  '{',
  '{1',
  '{1,}',
  '{1:}',
  '{1:2,3}',
  '"a',
  '"\\',
  '01',
  '1.',
  '-',
  'nul',
  'set(',
  '[1]2',
  '["a]',
  '["\\u12"]',
  "{'a'}",
  '\u0000',
  '["a\nb\\n"]',
])('`%s` is no value', (written) => {
  expect(() => readValue(written)).toThrow(SyntaxError)
})

test('JSON has no sets and no keys but texts', () => {
  const value = readValue('{"a":{1,2},[1,{"b"}]:set(),7:null,true:1.50}')
  expect(writeJson(value)).toBe('{"true":1.50,"7":null,"a":[1,2],"[1,[\\"b\\"]]":[]}')
})

test('half of a surrogate pair is written as a character that OPA reads', () => {
  expect(writeValue(['a\ud800b', '\udfff', '😀'])).toBe('["a\ufffdb","\ufffd","😀"]')
})
