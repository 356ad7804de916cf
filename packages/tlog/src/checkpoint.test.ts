import { expect, test } from 'vitest'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts'

const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
const TEXT = `example.com/behind-the-sofa\n20852163\n${ROOT}\n`

test('a checkpoint is read, and written as it was', () => {
  const checkpoint = parseCheckpoint(TEXT)
  expect(checkpoint).toMatchObject({
    origin: 'example.com/behind-the-sofa',
    size: 20_852_163,
    extensions: [],
  })
  expect(formatCheckpoint(checkpoint)).toBe(TEXT)
  const extended = `${TEXT}one more\nand another\n`
  expect(parseCheckpoint(extended).extensions).toEqual(['one more', 'and another'])
  expect(formatCheckpoint(parseCheckpoint(extended))).toBe(extended)
})

test.each([
  ['too few lines', 'Log\n123\n'],
  ['no origin', `\n123\n${ROOT}\n`],
  ['no end of the last line', `Log\n123\n${ROOT}`],
  ['a size that is a word', `Log\nbananas\n${ROOT}\n`],
  ['a size below zero', `Log\n-34\n${ROOT}\n`],
  ['a size with a plus', `Log\n+34\n${ROOT}\n`],
  ['a size with a leading zero', `Log\n034\n${ROOT}\n`],
  ['a size beyond 53 bits', `Log\n9007199254740992\n${ROOT}\n`],
  ['a size beyond everything', `Log\n3438945738945739845734895735\n${ROOT}\n`],
  ['a root that is no base64', "Log\n123\nThisIsn'tBase64\n"],
  ['a root that is too short', 'Log\n123\nYmFuYW5hcw==\n'],
  ['a root in another form of base64', `Log\n123\n${ROOT.replaceAll('/', '_')}\n`],
  ['a root with stray bits', `Log\n123\n${ROOT.replace('2I=', '2J=')}\n`],
  ['an empty extension line', `${TEXT}\n`],
])('a text with %s is no checkpoint', (_what, text) => {
  expect(() => parseCheckpoint(text)).toThrow(
    expect.objectContaining({ code: 'checkpoint_malformed' }),
  )
})

test('what would not be read again is not written', () => {
  const { root } = parseCheckpoint(TEXT)
  expect(() => formatCheckpoint({ origin: '', size: 1, root })).toThrow('no origin')
  expect(() => formatCheckpoint({ origin: 'a\nb', size: 1, root })).toThrow('one line each')
  expect(() => formatCheckpoint({ origin: 'a', size: 1, root, extensions: [''] })).toThrow('one')
  expect(() => formatCheckpoint({ origin: 'a', size: 0.5, root })).toThrow('no size')
  expect(() => formatCheckpoint({ origin: 'a', size: 1, root: root.subarray(1) })).toThrow('hash')
})
