import { expect, test } from 'vitest'
import { parseBody } from './body.ts'
import { JSON_DEPTH_MAX } from './json-text.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' }
const PARTS_TYPE = { 'content-type': 'multipart/form-data; boundary=XX' }

function form(...parts: string[]): string {
  return `${parts.map((part) => `--XX\r\n${part}\r\n`).join('')}--XX--\r\n`
}

function named(name: string, text: string, type = 'application/json'): string {
  const disposition = `Content-Disposition: form-data; name="${name}"`
  return `${disposition}\r\nContent-Type: ${type}\r\n\r\n${text}`
}

test.each([
  ['an object', '{"a":1,"b":[true,null]}', { a: 1, b: [true, null] }],
  ['a text', '"x"', 'x'],
  ['null', 'null', null],
  ['a number', '1e3', 1_000],
])('JSON that is %s is read', (_name, body, value) => {
  expect(parseBody({ headers: JSON_TYPE, body })).toEqual({ value, truncated: false })
})

test('bytes are read as text', () => {
  const rawBody = Buffer.from('{"ü":1}').toString('base64')
  expect(parseBody({ headers: JSON_TYPE, rawBody }).value).toEqual({ ü: 1 })
})

test.each([
  ['no headers', { body: '{"a":1}' }],
  ['no content type', { headers: {}, body: '{"a":1}' }],
  ['another content type', { headers: { 'content-type': 'text/plain' }, body: 'hello' }],
  ['a content type in other letters', { headers: { 'content-type': 'A/JSON' }, body: '{}' }],
  ['gRPC', { headers: { 'content-type': 'application/grpc+json' }, rawBody: 'AAAAAAA=' }],
  ['an empty body', { headers: JSON_TYPE, body: '' }],
  ['an empty form', { headers: PARTS_TYPE, body: '' }],
  ['a form without a boundary', { headers: { 'content-type': 'multipart/form-data' }, body: 'x' }],
])('with %s nothing is read', (_name, http) => {
  expect(parseBody(http)).toEqual({ value: null, truncated: false })
})

test.each([
  ['a longer content length', { ...JSON_TYPE, 'content-length': '900' }, '{"a":1}'],
  ['a length of bytes that is longer', { ...JSON_TYPE, 'content-length': '9' }, '{"ü":1}'],
  ['the mark of Envoy', { ...JSON_TYPE, 'x-envoy-auth-partial-body': 'true' }, '{"a":'],
  ['the mark of Envoy alone', { 'x-envoy-auth-partial-body': 'true' }, ''],
  ['a longer form', { ...FORM_TYPE, 'content-length': '9' }, 'a=1'],
  ['longer parts', { ...PARTS_TYPE, 'content-length': '999' }, form(named('a', '1'))],
])('%s means that the body is a part', (_name, headers, body) => {
  expect(parseBody({ headers, body })).toEqual({ value: null, truncated: true })
})

test('bytes that are no text have the length that they came with', () => {
  const rawBody = Buffer.from([0x61, 0x3d, 0xff]).toString('base64')
  const of = (length: string) => ({ headers: { ...FORM_TYPE, 'content-length': length }, rawBody })
  expect(parseBody(of('3'))).toEqual({ value: { a: ['\ufffd'] }, truncated: false })
  expect(parseBody(of('4'))).toEqual({ value: null, truncated: true })
})

test.each(['7', '3', '-1', '+7'])('a content length of %s is no sign of a part', (length) => {
  const headers = { ...JSON_TYPE, 'content-length': length }
  expect(parseBody({ headers, body: '{"a":1}' })).toEqual({ value: { a: 1 }, truncated: false })
})

test('a form is read', () => {
  const body = 'a=1&b=2&a=3&c=%20x+y'
  const value = { a: ['1', '3'], b: ['2'], c: [' x y'] }
  expect(parseBody({ headers: FORM_TYPE, body })).toEqual({ value, truncated: false })
})

test('parts are read: JSON as values, the rest as text, by name', () => {
  const file = named('f', 'a\r\nb', 'application/octet-stream').replace(';', '; filename="f.bin";')
  const unnamed = 'Content-Disposition: form-data\r\n\r\nlost'
  const bare = 'Content-Disposition: form-data; name=n\r\n\r\nplain'
  const body = form(file, named('a', '{"x":1}'), named('a', '[2]'), unnamed, bare, '\r\nno headers')
  expect(parseBody({ headers: PARTS_TYPE, body }).value).toEqual({
    f: ['a\r\nb'],
    a: [{ x: 1 }, [2]],
    n: ['plain'],
  })
})

test('a line that only begins like a delimiter is text', () => {
  const body = form('Content-Disposition: form-data; name="a"\r\n\r\nx\r\n--XXY\r\ny')
  expect(parseBody({ headers: PARTS_TYPE, body }).value).toEqual({ a: ['x\r\n--XXY\r\ny'] })
})

test('a preamble and what follows the end are passed over, a quoted boundary is one', () => {
  const headers = { 'content-type': 'multipart/form-data; boundary="a b"' }
  const part = '--a b\r\nContent-Disposition: form-data; name="q\\"uote"\r\n\r\nx\r\n--a b--'
  const body = `before\r\n${part}\r\nafter`
  expect(parseBody({ headers, body }).value).toEqual({ 'q"uote': ['x'] })
})

test.each([
  ['JSON that ends too early', JSON_TYPE, '{"a":', 'unexpected EOF'],
  ['JSON that ends in a text', JSON_TYPE, '{"a":"b', 'unexpected EOF'],
  ['JSON that ends in an object', JSON_TYPE, '{"a":1', 'unexpected EOF'],
  ['blank JSON', JSON_TYPE, '  \n', 'EOF'],
  ['JSON nested too deeply', JSON_TYPE, '['.repeat(JSON_DEPTH_MAX + 1), 'exceeded max depth'],
  ['a form with a bad escape', FORM_TYPE, 'a=%zz', 'invalid URL escape "%zz"'],
  ['a length that is none', { ...JSON_TYPE, 'content-length': '1k' }, '{}', /invalid syntax/],
  ['a form without parts', PARTS_TYPE, 'nothing', 'multipart: NextPart: EOF'],
  ['a form without an end', PARTS_TYPE, form(named('a', '1')).slice(0, -8), 'unexpected EOF'],
  ['a part with bad JSON', PARTS_TYPE, form(named('a', '{')), 'unexpected EOF'],
  ['a part with a bad header', PARTS_TYPE, form('broken\r\n\r\nx'), /malformed MIME header/],
])('%s is refused', (_name, headers, body, message) => {
  expect(() => parseBody({ headers, body })).toThrow(
    expect.objectContaining({
      code: 'request_unreadable',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    }),
  )
})

test('brackets within texts do not make JSON deep', () => {
  const body = JSON.stringify({ a: '['.repeat(2_000), b: '\\"[[' })
  expect(parseBody({ headers: JSON_TYPE, body }).value).toEqual(JSON.parse(body))
})

test('JSON as deep as may be is read', () => {
  const body = `${'['.repeat(JSON_DEPTH_MAX)}${']'.repeat(JSON_DEPTH_MAX)}`
  expect(JSON.stringify(parseBody({ headers: JSON_TYPE, body }).value)).toBe(body)
})

test('a part of a caller never reaches a prototype', () => {
  const body = form(named('__proto__', '{"x":1}'))
  const { value } = parseBody({ headers: PARTS_TYPE, body })
  expect(JSON.stringify(value)).toBe('{"__proto__":[{"x":1}]}')
})

test('a hostile body costs no more than its length', () => {
  const hostile = [`"${'\\"'.repeat(500_000)}`, '"'.repeat(999_999), '[{'.repeat(250_000)]
  const began = performance.now()
  for (const body of hostile) {
    expect(() => parseBody({ headers: JSON_TYPE, body })).toThrow(/EOF|after top-level|depth/)
  }
  expect(performance.now() - began).toBeLessThan(2_000)
})
