import { expect, test } from 'vitest'
import { failureText } from './failure-text.ts'

test.each([
  [
    { why: 'unequal', left: { value: '"b"' }, right: { value: '1', from: 'input.a' } },
    'input.a is 1, not "b"',
  ],
  [
    {
      why: 'unequal',
      left: { value: '1', from: 'input.a' },
      right: { value: '2', from: 'data.b' },
    },
    'input.a is 1, and data.b is 2',
  ],
  [
    { why: 'equal', left: { value: '1', from: 'input.a' }, right: { value: '1' } },
    'input.a is 1, which it must not be',
  ],
  [{ why: 'missing', place: { from: 'input.a' } }, 'there is no input.a'],
  [
    {
      why: 'false',
      value: { value: 'false', from: 'gte(input.age, 18)' },
      operands: [{ value: '17', from: 'input.age' }, { value: '18' }],
    },
    '17 >= 18 is false, where input.age is 17',
  ],
  [
    { why: 'false', value: { value: 'false', from: 'f("a")' }, operands: [{ value: '"a"' }] },
    'f("a") is false',
  ],
  [{ why: 'false', value: { value: 'false', from: 'input.a' }, operands: [] }, 'input.a is false'],
  [
    { why: 'undefined', name: 'data.p.f', operands: [{ value: '1', from: 'input.a' }] },
    'data.p.f(1) is undefined',
  ],
  [{ why: 'undefined', name: 'data.p.r', operands: [] }, 'data.p.r is undefined'],
  [
    { why: 'type', wanted: 'an array', value: { value: '1', from: 'input.a' } },
    'input.a is 1, which is not an array',
  ],
  [{ why: 'held' }, 'it holds, and must not'],
  [{ why: 'empty', collection: { value: '[]', from: 'input.a' } }, 'input.a has no members'],
  [{ why: 'failed' }, 'it does not hold'],
] as const)('%j reads: %s', (failure, text) => {
  expect(failureText(failure)).toBe(text)
})

test('wide values are cut', () => {
  const wide = { value: `"${'x'.repeat(500)}"`, from: 'input.a' }
  const text = failureText({ why: 'unequal', left: wide, right: wide })
  expect(text.length).toBeLessThan(250)
})
