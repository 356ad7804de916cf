import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalise, parseQuery } from './canonicalise.ts'

test.each([
  ['/', ['']],
  ['', ['']],
  ['/a', ['a']],
  ['//a', ['a']],
  ['///', ['']],
  ['/a//b', ['a', '', 'b']],
  ['/a/b/', ['a', 'b', '']],
  ['/a?x=/b', ['a']],
  ['/?', ['']],
  ['*', ['*']],
  ['/%61dmin', ['admin']],
  ['/a%2fb/c', ['a', 'b', 'c']],
  ['/%2f/a', ['a']],
  ['/a/../b', ['a', '..', 'b']],
  ['/a/%2e%2e/b', ['a', '..', 'b']],
  ['/a%00b', ['a\0b']],
  ['/a+b', ['a+b']],
  ['/ünï', ['ünï']],
  ['/%C3%BC', ['ü']],
  ['/%ff', ['\ufffd']],
  ['/%ff%C3%BC', ['\ufffdü']],
  // One for each byte, as Go has it, where WHATWG has one for all.
  ['/%e2%82', ['\ufffd\ufffd']],
  ['/%e2%82%41', ['\ufffd\ufffdA']],
  ['/%f0%9f%98%80', ['😀']],
  ['http://other/x/y?z=1', ['http:', '', 'other', 'x', 'y']],
])('the path %s is read', (path, expected) => {
  expect(canonicalise({ path }).parsedPath).toEqual(expected)
})

test.each([
  ['/%2', 'invalid URL escape "%2"'],
  ['/%', 'invalid URL escape "%"'],
  ['/%zz/a', 'invalid URL escape "%zz"'],
  ['/a%C3%B', 'invalid URL escape "%B"'],
  ['/a?x=%zz', 'invalid URL escape "%zz"'],
  ['/a?x=1;y=2', 'invalid semicolon separator in query'],
])('the path %s is refused', (path, message) => {
  expect(() => canonicalise({ path })).toThrow(
    expect.objectContaining({ code: 'request_unreadable', message }),
  )
})

test.each([
  ['', {}],
  ['a', { a: [''] }],
  ['a=', { a: [''] }],
  ['=1', { '': ['1'] }],
  ['x=1&x=2&y=', { x: ['1', '2'], y: [''] }],
  ['&&a=1&', { a: ['1'] }],
  ['a=b=c', { a: ['b=c'] }],
  ['a+b=c+d', { 'a b': ['c d'] }],
  ['a=%2B', { a: ['+'] }],
  ['a[]=1&a[]=2', { 'a[]': ['1', '2'] }],
  ['x=1#frag', { x: ['1#frag'] }],
  ['x=%C3%BC', { x: ['ü'] }],
])('the query %s is read', (query, expected) => {
  expect(parseQuery(query)).toEqual(expected)
})

test('a key of a caller never reaches a prototype', () => {
  const query = parseQuery('__proto__=x&constructor=y&__proto__=z')
  expect(Object.getPrototypeOf(query)).toBe(Object.prototype)
  expect(JSON.stringify(query)).toBe('{"__proto__":["x","z"],"constructor":["y"]}')
})

test('a query has as many pairs as Go reads, and no more', () => {
  expect(parseQuery('a&'.repeat(9_999))['a']).toHaveLength(9_999)
  expect(() => parseQuery('a&'.repeat(10_000))).toThrow(/exceeded limit/)
})

test('the parts of a request that the record rests on are there', () => {
  const canonical = canonicalise({ method: 'GET', host: 'shop:80', path: '/a/b?c=d' })
  expect(canonical).toMatchObject({ method: 'GET', host: 'shop:80', path: '/a/b' })
  expect(canonicalise(undefined)).toMatchObject({ method: '', host: '', path: '' })
})

test('what was escaped by the standard library is read back', () => {
  const text = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text)), (pairs) => {
      const query = parseQuery(
        pairs.map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v)}`).join('&'),
      )
      for (const [key, value] of pairs) expect(query[key]).toContain(value)
      expect(Object.values(query).flat()).toHaveLength(pairs.length)
    }),
  )
})

test('any path is read or refused as unreadable', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), (path) => {
      try {
        canonicalise({ path })
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'request_unreadable' })
      }
    }),
  )
})
