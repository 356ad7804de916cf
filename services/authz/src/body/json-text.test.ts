import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from './json-text.ts'

// As `util.UnmarshalJSON` of OPA 1.22.2, built with Go 1.26, answers to these texts.
test.each([
  ['', 'EOF'],
  [' \n', 'EOF'],
  ['{"a":', 'unexpected EOF'],
  ['{"a', 'unexpected EOF'],
  ['[1,', 'unexpected EOF'],
  ['tru', 'unexpected EOF'],
  ['"\\', 'unexpected EOF'],
  ['-', 'unexpected EOF'],
  ['hello', "invalid character 'h' looking for beginning of value"],
  ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
  ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b":2}', "invalid character '\"' after object key:value pair"],
  ['[1 2]', "invalid character '2' after array element"],
  ['[1,]', "invalid character ']' looking for beginning of value"],
  ['[01]', "invalid character '1' after array element"],
  ['[-a]', "invalid character 'a' in numeric literal"],
  ['[1.a]', "invalid character 'a' after decimal point in numeric literal"],
  ['[1ea]', "invalid character 'a' in exponent of numeric literal"],
  ['[trux]', "invalid character 'x' in literal true (expecting 'e')"],
  ['"a\nb"', "invalid character '\\n' in string literal"],
  ['"a\u0001"', "invalid character '\\x01' in string literal"],
  ['"\\x"', "invalid character 'x' in string escape code"],
  ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
  ['[é]', "invalid character 'Ã' looking for beginning of value"],
  ['{} x', "invalid character 'x' looking for beginning of value"],
  ['{},', "invalid character ',' looking for beginning of value"],
  ['{}{', "error: invalid character '{' after top-level value"],
  ['1 2', "error: invalid character '2' after top-level value"],
  ['01', "error: invalid character '1' after top-level value"],
  ['{} "a b"', "error: invalid character 'a b' after top-level value"],
  ['{} true', "error: invalid character '%!s(bool=true)' after top-level value"],
  ['[\\]', "invalid character '\\\\' looking for beginning of value"],
  ['[😀]', "invalid character 'ð' looking for beginning of value"],
])('%j is refused in the words of the plugin', (text, message) => {
  expect(() => parseJson(text)).toThrow(
    expect.objectContaining({ code: 'request_unreadable', message }),
  )
})

test.each([
  '12345678901234567890',
  '-9007199254740993',
  '0.12345678901234567890123',
  '1234567890.123456789e5',
  '[1,{"a":18446744073709551616,"b":"12345678901234567890"}]',
])('%s keeps all of its digits', (text) => {
  expect(JSON.stringify(parseJson(text))).toBe(text)
})

test('a null behind the value is refused, which the plugin takes with all that follows', () => {
  expect(() => parseJson('{} null }{')).toThrow(/after top-level value/)
})

test('whatever is JSON is read as the standard library reads it', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(JSON.parse(JSON.stringify(parseJson(text)))).toEqual(JSON.parse(text))
    }),
  )
})

test('whatever is none is refused with a reason', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    'a',
    '1',
    '-',
    '.',
    'e',
    'true',
    ' ',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('')
      try {
        parseJson(text)
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'request_unreadable' })
        expect((thrown as Error).message).toMatch(/EOF|invalid character/)
      }
    }),
    { numRuns: 2_000 },
  )
})
