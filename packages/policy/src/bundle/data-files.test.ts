import { expect, test } from 'vitest'
import { packageOf } from './content-roots.ts'
import { dataOf } from './data-files.ts'

function filesOf(texts: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> {
  return new Map(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]))
}

test('data that is there as it is needed stays as it is', () => {
  const text = '{ "big": 12345678901234567890, "one": 1.0 }\n'
  const files = filesOf({ 'data.json': text, 'other.json': '{}' })
  expect(Buffer.from(dataOf(files)).toString()).toBe(text)
  expect(Buffer.from(dataOf(filesOf({ 'a.rego': 'package a' }))).toString()).toBe('{}')
})

test('data in folders is merged at their paths, JSON and YAML, with all digits', () => {
  const files = filesOf({
    'data.json': '{"shop":{"name":"ours"}}',
    'shop/prices/data.json': '{"big":12345678901234567890}',
    'shop/data.yaml': 'open: true\ndays: [mon, tue]\n',
    'bank/data.yml': 'vault: 1\n',
    'bank/more.json': '{"not":"data"}',
  })
  expect(Buffer.from(dataOf(files)).toString()).toBe(
    '{"bank":{"vault":1},"shop":{"days":["mon","tue"],"name":"ours","open":true,' +
      '"prices":{"big":12345678901234567890}}}',
  )
})

test('one file in a folder may be any value', () => {
  expect(Buffer.from(dataOf(filesOf({ 'shop/list/data.json': '[1,2]' }))).toString()).toBe(
    '{"shop":{"list":[1,2]}}',
  )
})

test.each([
  ['two values for one path', { 'data.json': '{"a":{"b":1}}', 'a/data.json': '{"b":2}' }],
  ['a value where others are below', { 'data.json': '{"a":1}', 'a/data.json': '{"b":2}' }],
  ['a list at the top', { 'data.yaml': '- 1\n' }],
  ['what is no JSON', { 'a/data.json': '{' }],
  ['what is no YAML', { 'data.yaml': '{' }],
])('data with %s is refused', (_what, texts) => {
  expect(() => dataOf(filesOf(texts))).toThrow(
    expect.objectContaining({ code: 'bundle_malformed' }),
  )
})

test.each([
  ['package shop', ['shop']],
  ['package shop.orders\nimport data.a', ['shop', 'orders']],
  ['# package no\n\n  # nor this\npackage shop["a b"].c # yes\n', ['shop', 'a b', 'c']],
  ['package shop["a.b\\"]"]', ['shop', 'a.b"]']],
])('the package of %j is %j', (source, path) => {
  expect(packageOf('a.rego', Buffer.from(source))).toEqual(path)
})

test.each([
  '',
  '# package shop',
  'packages.shop',
  'package',
  'package shop[x]',
  'x := 1\npackage a',
])('%j has no package', (source) => {
  expect(() => packageOf('a.rego', Buffer.from(source))).toThrow('without a package in `a.rego`')
})
