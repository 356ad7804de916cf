import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FAULT_FORMS } from '../envoy/check.ts'
import { OBLIGATIONS } from './obligations.ts'
import { APPEND_ACTIONS } from './policy-result.ts'
import { readResult } from './read-result.ts'

/** Holds docs/policy-contract.md, from the decision on, to the code. */

const FILE = join(import.meta.dirname, '../../../../docs/policy-contract.md')
const [, RESULT = ''] = readFileSync(FILE, 'utf8').split('\n## result\n')

/** The first two cells of the rows of the table whose first column has this heading. */
function rowsOf(heading: string): (readonly [key: string, second: string])[] {
  const table = RESULT.split('\n\n').find((block) => block.startsWith(`| ${heading} `)) ?? ''
  return [...table.matchAll(/^\| `([^`]+)` *\| ([^|]*?) *\|/gm)].map(
    ([, key = '', second = '']) => [key, second],
  )
}

/** The keys of a decision that are looked at. */
function keysRead(allowed: boolean): string[] {
  const keys = new Set<string>()
  const decision = new Proxy({ allowed } as Record<string, unknown>, {
    get: (target, key) => {
      keys.add(String(key))
      return target[String(key)]
    },
  })
  readResult(decision)
  return [...keys].toSorted()
}

test.each([
  [true, 'allow'],
  [false, 'deny'],
])('the page lists every key that is read where `allowed` is %j', (allowed, where) => {
  const listed = rowsOf('key').filter(([, place]) => place === 'both' || place === where)
  expect(listed.map(([key]) => key).toSorted()).toEqual(keysRead(allowed))
})

test.each([
  ['append_action', APPEND_ACTIONS],
  ['obligation', OBLIGATIONS],
  ['value', FAULT_FORMS],
])('the page lists every %s, and no other', (heading, names) => {
  expect(rowsOf(heading).map(([name]) => name)).toEqual([...names])
})
