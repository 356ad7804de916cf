import { expect, test } from 'vitest'
import { readJson } from './read-json.ts'
import type { ReadTree } from './read-tree.ts'

const tree: ReadTree = new Map<string, ReadTree>([
  ['a', new Map([['b', 'all']])],
  ['__proto__', 'all'],
  ['constructor', 'all'],
])

test.each([
  ['other keys are left out', { a: { b: 1, c: 2 }, d: 3 }, '{"a":{"b":1}}'],
  ['an object stays one where its key is not there', { a: {} }, '{"a":{}}'],
  ['what is no object is written whole', { a: ['b'] }, '{"a":["b"]}'],
  ['so is null', { a: null }, '{"a":null}'],
  ['what JSON has no text for is left out', { a: { b: undefined } }, '{"a":{}}'],
  ['nothing of a prototype is written', {}, '{}'],
  ['a key that a prototype has too', JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
])('%s', (_, document, json) => {
  expect(readJson(tree)(document as object)).toBe(json)
})

test('all of a document', () => {
  expect(readJson('all')({ a: [1], b: undefined })).toBe('{"a":[1]}')
})
