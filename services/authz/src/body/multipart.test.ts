import { expect, test } from 'vitest'
import { parseMediaType } from './media-type.ts'
import { readParts } from './multipart.ts'

const A = 'Content-Disposition: form-data; name="a"\r\n\r\n'

// As Go 1.26's mime/multipart answers to these bodies.
test.each([
  ['one part', `--XX\r\n${A}x\r\n--XX--\r\n`, ['x']],
  ['no line end at the end', `--XX\r\n${A}x\r\n--XX--`, ['x']],
  ['an empty part', `--XX\r\n${A}\r\n--XX--`, ['']],
  ['an empty part, ended at once', `--XX\r\n${A}--XX--`, ['']],
  ['a preamble', `before\r\n--XX\r\n${A}x\r\n--XX--`, ['x']],
  ['blanks behind a delimiter', `--XX \t\r\n${A}x\r\n--XX-- \r\n`, ['x']],
  ['lines that end in a line feed', `--XX\n${A}x\n--XX--\n`, ['x']],
  ['a line feed where lines end in two', `--XX\r\n${A}x\n--XX\r\ny\r\n--XX--`, ['x\n--XX\r\ny']],
  ['a longer line', `--XX\r\n${A}x\r\n--XXY\r\n--XX--`, ['x\r\n--XXY']],
  ['a dash behind the delimiter', `--XX\r\n${A}x\r\n--XX-y\r\n--XX--`, ['x\r\n--XX-y']],
  ['a header in two lines', `--XX\r\n${A.replace('; ', ';\r\n\t')}x\r\n--XX--`, ['x']],
  ['another disposition', `--XX\r\n${A.replace('form-data', 'attachment')}x\r\n--XX--`, []],
  ['a disposition that is none', `--XX\r\n${A.replace('name=', 'name')}x\r\n--XX--`, []],
  ['an end within headers', '--XX\r\nContent-Type: text/plain\r\n', []],
])('a form with %s is read', (_name, body, texts) => {
  expect(readParts(body, 'XX').map(({ text }) => text)).toEqual(texts)
})

test.each([
  ['no delimiter', 'nothing', 'multipart: NextPart: EOF'],
  ['no end', `--XX\r\n${A}x`, 'unexpected EOF'],
  ['no end behind a part without a name', '--XX\r\n\r\nx', 'multipart: NextPart: EOF'],
  [
    'more behind a delimiter',
    `--XX\r\n${A}x\r\n--XX--y\r\n`,
    /expecting a new Part; got line "--XX/,
  ],
  ['another line end', `--XX\r\n${A}--XX\n`, /unexpected line in Next\(\): "--XX\\n"/],
  ['no colon', '--XX\r\nbroken\r\n\r\nx\r\n--XX--', /missing colon: "broken"/],
  ['a blank first', '--XX\r\n a: b\r\n\r\nx\r\n--XX--', /initial line: " a: b"/],
  ['a name that is none', '--XX\r\na\tb: c\r\n\r\nx\r\n--XX--', /malformed MIME header line: /],
  ['too many parts', `--XX\r\n\r\nx\r\n`.repeat(1_001), /message too large/],
])('a form with %s is refused', (_name, body, message) => {
  expect(() => readParts(body, 'XX')).toThrow(message)
})

test.each([
  ['form-data; name=a; filename="b;c"', { name: 'a', filename: 'b;c' }],
  ['form-data ; NAME = a ;', { name: 'a' }],
  ['form-data; name="C:\\dir\\"', undefined],
  ['form-data; name="C:\\dir"', { name: 'C:\\dir' }],
  ['form-data; name="a\\"b"', { name: 'a"b' }],
  ['form-data; name=a; name=a', { name: 'a' }],
  ['form-data; name=a; name=b', undefined],
  ['form-data; name', undefined],
  ['form-data; name=', undefined],
  ['form-data; name=a b', undefined],
  ['; name=a', undefined],
  ['a/b/c', undefined],
])('the media type %s is read or refused', (text, parameters) => {
  if (parameters === undefined) expect(() => parseMediaType(text)).toThrow(/^mime: /)
  else expect(Object.fromEntries(parseMediaType(text).parameters)).toEqual(parameters)
})

test('a hostile form costs no more than its length', () => {
  const folded = `--XX\r\n${A.trimEnd()}${'\r\n x'.repeat(300_000)}\r\n\r\nx\r\n--XX--`
  const lines = `--XX\r\n${A}${'\r\n--XXY'.repeat(150_000)}`
  const began = performance.now()
  expect(readParts(folded, 'XX')).toEqual([])
  expect(() => readParts(lines, 'XX')).toThrow('unexpected EOF')
  expect(() => parseMediaType(`a/b${';a=1'.repeat(250_000)};`)).not.toThrow()
  expect(performance.now() - began).toBeLessThan(2_000)
})
