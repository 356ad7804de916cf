import { expect, test } from 'vitest'
import type { HttpAttributes } from '../request.ts'
import { readResult } from './read-result.ts'
import { settleHeaders } from './settle-headers.ts'

/** The request headers that are left to overwrite, for a request with `x-a: held`. */
function settled(headers: object, http: HttpAttributes = { headers: { 'x-a': 'held' } }) {
  return settleHeaders(readResult({ allowed: true, headers }), http).headers
}

test.each([
  ['append_if_exists_or_add', 'held, new', 'new'],
  ['add_if_absent', undefined, 'new'],
  ['overwrite_if_exists_or_add', 'new', 'new'],
  ['overwrite_if_exists', 'new', undefined],
])('%s does what Envoy says of it', (append_action, held, absent) => {
  const given = { value: 'new', append_action }
  expect(settled({ 'x-a': given })).toEqual(held === undefined ? [] : [['x-a', held]])
  expect(settled({ 'X-A': given })).toEqual(held === undefined ? [] : [['X-A', held]])
  expect(settled({ 'x-b': given })).toEqual(absent === undefined ? [] : [['x-b', absent]])
})

test('several values are appended, each once', () => {
  const given = { value: ['1', '2'], append_action: 'append_if_exists_or_add' }
  expect(settled({ 'x-a': given, 'x-b': given })).toEqual([
    ['x-a', 'held, 1, 2'],
    ['x-b', '1, 2'],
  ])
})

test('nothing is put before a value where the header is empty', () => {
  const given = { value: 'new', append_action: 'append_if_exists_or_add' }
  expect(settled({ 'x-a': given }, { headers: { 'x-a': '' } })).toEqual([['x-a', 'new']])
})

test('a cookie is appended as cookies are', () => {
  const given = { value: 'b=2', append_action: 'append_if_exists_or_add' }
  expect(settled({ cookie: given }, { headers: { cookie: 'a=1' } })).toEqual([
    ['cookie', 'a=1; b=2'],
  ])
})

test('headers that came as bytes count as there', () => {
  const given = { value: 'new', append_action: 'append_if_exists_or_add' }
  const headerMap = { headers: [{ key: 'X-A', rawValue: Buffer.from('raw').toString('base64') }] }
  expect(settled({ 'x-a': given }, { headerMap })).toEqual([['x-a', 'raw, new']])
})

test('headers without an action, and those of a denial, stay as they are', () => {
  expect(settled({ 'x-a': ['1', '2'] })).toEqual([
    ['x-a', '1'],
    ['x-a', '2'],
  ])
  const given = { 'x-a': { value: '1', append_action: 'add_if_absent' } }
  const denied = readResult({ allowed: false, headers: given })
  expect(settleHeaders(denied, { headers: { 'x-a': 'held' } })).toBe(denied)
})
