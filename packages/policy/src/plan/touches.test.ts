import { expect, test } from 'vitest'
import type { ReadTree } from './read-tree.ts'
import { touches } from './touches.ts'

const READ: ReadTree = new Map<string, ReadTree>([
  ['users', new Map([['alice', 'all']])],
  ['roles', 'all'],
])

test.each([
  ['above', [], true],
  ['above', ['users'], true],
  ['at', ['users', 'alice'], true],
  ['below', ['users', 'alice', 'roles', '0'], true],
  ['below', ['roles', 'x'], true],
  ['beside', ['users', 'bob'], false],
  ['elsewhere', ['levels'], false],
  ['elsewhere', ['alice'], false],
])('a change %s of what is read: %j is %s', (_where, path, touched) => {
  expect(touches(READ, path)).toBe(touched)
})

test('what reads nothing is not touched by anything', () => {
  expect([touches(new Map(), []), touches(new Map(), ['a'])]).toEqual([false, false])
  expect(touches('all', ['a'])).toBe(true)
})
