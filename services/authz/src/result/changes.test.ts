import { validateHeaderName, validateHeaderValue } from 'node:http'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readResult } from './read-result.ts'

/** Changes of headers and query that no message, or no Envoy, could carry. */

function expectInvalid(decision: unknown, why: RegExp): void {
  const message = expect.stringMatching(why)
  expect(() => readResult(decision)).toThrow(
    expect.objectContaining({ code: 'decision_invalid', message }),
  )
}

test.each<[decision: unknown, why: RegExp]>([
  [{ allowed: true, headers: 'x' }, /response headers: .* 'object' but got 'string'/],
  [{ allowed: true, headers: { a: 1 } }, /type assertion error for header 'a'/],
  [{ allowed: true, headers: { a: [1] } }, /invalid value type json.Number for header 'a'/],
  [{ allowed: true, headers: [[]] }, /'object' but got '\[\]interface {}'/],
  [{ allowed: true, headers: { 'a b': '1' } }, /`a b` is no name of a header/],
  [{ allowed: true, headers: { a: '1\r\nset-cookie: x' } }, /the value of header 'a' has control/],
  [{ allowed: true, response_headers_to_add: 1 }, /response headers to add: .*'object'/],
  [{ allowed: true, headers: { 'a:b': '1' } }, /`a:b` is no name of a header/],
  [{ allowed: true, headers: { '': '1' } }, /`` is no name of a header/],
  [{ allowed: true, headers: { 'a\r\nb': '1' } }, /is no name of a header/],
  [{ allowed: true, headers: { ':path': '/other' } }, /`:path` is no name of a header/],
  [{ allowed: false, headers: { ':status': '200' } }, /`:status` is no name of a header/],
  [{ allowed: true, headers: { a: ['1', '\0'] } }, /the value of header 'a' has control/],
  [{ allowed: true, response_headers_to_add: { a: 'x\ny' } }, /value of header 'a' has control/],
  [{ allowed: true, response_headers_to_add: { ':status': '200' } }, /`:status` is no name/],
  [{ allowed: true, request_headers_to_remove: ['a b'] }, /`a b` is no name of a header/],
  [{ allowed: true, request_headers_to_remove: ['a\0'] }, /is no name of a header/],
  [{ allowed: true, request_headers_to_remove: [':path'] }, /`:path` is no name of a header/],
  [{ allowed: true, request_headers_to_remove: ['Host'] }, /`host` can not be removed/],
  [{ allowed: true, headers: { Host: 'other' } }, /`host` can not be set/],
  [{ allowed: true, headers: { a: {} } }, /type assertion error for header 'a'/],
  [{ allowed: true, headers: { a: { value: 1 } } }, /type assertion error for header 'a'/],
  [{ allowed: true, request_headers_to_remove: {} }, /'\[\]string' but got 'map/],
  [{ allowed: true, request_headers_to_remove: [1] }, /value to be of type 'string'/],
])('%j has no headers', expectInvalid)

test.each([
  'connection',
  'Content-Length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])('an allowance can not set `%s`', (name) => {
  const why = /is of the connection: no policy sets it/
  expectInvalid({ allowed: true, headers: { [name]: '1' } }, why)
  expectInvalid({ allowed: true, response_headers_to_add: { [name]: '1' } }, why)
})

test.each<[header: unknown, why: RegExp]>([
  [{}, /type assertion error for header 'a'/],
  [{ value: 1 }, /type assertion error for header 'a'/],
  [{ value: [1] }, /invalid value type json.Number for header 'a'/],
  [{ value: '1', append: true }, /header 'a' has `append`/],
  [{ value: '1', append_action: 'APPEND_IF_EXISTS_OR_ADD' }, /is none of append_if_exists_or_add/],
  [{ value: '1', append_action: 1 }, /is none of append_if_exists_or_add/],
])('%j is no header', (a, why) => {
  expectInvalid({ allowed: true, headers: { a } }, why)
  expectInvalid({ allowed: false, headers: { a } }, why)
  expectInvalid({ allowed: true, response_headers_to_add: { a } }, why)
})

test('a header has one action', () => {
  const headers = [{ a: '1' }, { A: { value: '2', append_action: 'add_if_absent' } }]
  expectInvalid({ allowed: true, headers }, /header 'A' has several append actions/)
})

test.each(['append_if_exists_or_add', 'add_if_absent', 'overwrite_if_exists'])(
  'a header in our name can not be with %s',
  (append_action) => {
    const headers = { 'X-Verdict-User': { value: 'a', append_action } }
    const why = /header 'X-Verdict-User' is in Verdict's name, and overwrites/
    expectInvalid({ allowed: true, headers }, why)
    expectInvalid({ allowed: true, response_headers_to_add: headers }, why)
  },
)

test.each(['add_if_absent', 'overwrite_if_exists', 'overwrite_if_exists_or_add'])(
  'a response header with %s can not have several values',
  (append_action) => {
    const added = { a: { value: ['1', '2'], append_action } }
    const why = /header 'a' has several values, which/
    expectInvalid({ allowed: true, response_headers_to_add: added }, why)
  },
)

test.each<[decision: unknown, why: RegExp]>([
  [{ allowed: true, query_parameters_to_remove: ['a\n'] }, /"a\\n" has control characters/],
  [{ allowed: true, query_parameters_to_set: { a: '1\r\n' } }, /"a" has characters that must be/],
  [{ allowed: true, query_parameters_to_set: { a: ['1', '\0'] } }, /"a" has characters that must/],
  [{ allowed: true, query_parameters_to_set: { 'a\n': '1' } }, /"a\\n" has characters that must/],
  [{ allowed: true, query_parameters_to_set: { a: '1&b=2' } }, /use `urlquery.encode`/],
  [{ allowed: true, query_parameters_to_set: { 'a=b': '1' } }, /use `urlquery.encode`/],
  [{ allowed: true, query_parameters_to_set: { a: '1 2' } }, /use `urlquery.encode`/],
  [{ allowed: true, query_parameters_to_set: { a: '1#2' } }, /use `urlquery.encode`/],
  [{ allowed: true, query_parameters_to_set: { a: 'ü' } }, /use `urlquery.encode`/],
  [{ allowed: true, query_parameters_to_set: { a: '%zz' } }, /use `urlquery.encode`/],
  [{ allowed: true, query_parameters_to_set: { '': '1' } }, /parameter "" has characters/],
  [{ allowed: true, query_parameters_to_set: [] }, /to be a map but got '\[\]interface {}'/],
  [{ allowed: true, query_parameters_to_set: { a: 1 } }, /string or array but got 'json.Number'/],
  [{ allowed: true, query_parameters_to_set: { a: [1] } }, /array element to be string/],
  [{ allowed: true, query_parameters_to_remove: 'a' }, /query_parameters_to_remove to be of type/],
])('%j has no query', expectInvalid)

test('changes are bounded, all together', () => {
  const many = (count: number) => Array<string>(count).fill('1')
  const at = {
    allowed: true,
    headers: { a: many(25) },
    response_headers_to_add: { a: many(25) },
    query_parameters_to_set: { a: many(25) },
    request_headers_to_remove: many(25),
  }
  expect(readResult(at).headers).toHaveLength(25)
  const why = /101 changes of 176 bytes: 100 and 32768 bytes are the most/
  expectInvalid({ ...at, query_parameters_to_remove: ['1'] }, why)
  const long = 'ü'.repeat(16_383)
  expect(readResult({ allowed: true, headers: { ab: long } }).headers).toHaveLength(1)
  expectInvalid({ allowed: true, headers: { abc: long } }, /1 changes of 32769 bytes/)
  expectInvalid({ allowed: false, headers: { abc: long } }, /1 changes of 32769 bytes/)
})

test('whatever a policy says, what is left can stand in a message', () => {
  const text = fc.oneof(fc.string({ unit: 'binary-ascii' }), fc.string({ unit: 'grapheme' }))
  const changes = fc.dictionary(fc.oneof(text, fc.constantFrom('Host', 'x-a', 'te')), text)
  fc.assert(
    fc.property(changes, changes, fc.boolean(), (headers, query, allowed) => {
      let result: ReturnType<typeof readResult>
      try {
        result = readResult({ allowed, headers, query_parameters_to_set: query })
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'decision_invalid' })
        return
      }
      for (const [name, value] of result.headers) {
        validateHeaderName(name)
        validateHeaderValue(name, Buffer.from(value).toString('latin1'))
        expect(value).toBe(value.replace(/^[ \t]+|[ \t]+$/g, ''))
      }
      for (const [name, value] of result.queryToSet) {
        const { searchParams, hash } = new URL(`http://a/?${name}=${value}`)
        expect([...searchParams.keys()]).toHaveLength(1)
        expect(hash).toBe('')
      }
    }),
  )
})
