import { expect, test } from 'vitest'
import { DEPTH_MAX, isCanonicalJson } from './canonical-json.ts'

const isCanonical = (json: string): boolean => isCanonicalJson(json, JSON.parse(json))

test('keys in order, numbers and texts in their one form', () => {
  const canonical = ['{}', '{"a":1,"b":[true,null,"é\\n"]}', '"😀"', '{"é":"\\u0001"}']
  expect(canonical.filter((json) => !isCanonical(json))).toEqual([])
  const otherwise = ['{"b":1,"a":1}', '{"a":1,"a":1}', '{"a": 1}', '1.0', '"\\u00e9"', '"\\u000a"']
  expect(otherwise.filter(isCanonical)).toEqual([])
})

test('half of a pair is no text, be it an escape or not, in a value or a key', () => {
  const halves = ['{"a":"\\ud800"}', '{"\\ud800":1}', '["\\n","\\udc00"]', '{"a":"\ud800"}']
  expect(halves.filter(isCanonical)).toEqual([])
})

test('what is nested too deep is refused', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  expect([nested(DEPTH_MAX), nested(DEPTH_MAX + 1)].map(isCanonical)).toEqual([true, false])
})
