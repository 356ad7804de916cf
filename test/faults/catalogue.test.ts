import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { SCENARIOS } from '@verdict/cli'
import { expect, test } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '../..')
const FAULTS_IN_CATALOGUE = 38
const TEXT = readFileSync(path.join(ROOT, 'docs/faults.md'), 'utf8')
/** Its last column says what shows that a row is true. */
const ROWS = TEXT.slice(TEXT.indexOf('## The catalogue'))
  .split('\n')
  .filter((line) => /^\| \d* ?\|/.test(line))

test('docs/faults.md has every fault of the catalogue, in order', () => {
  const numbers = ROWS.flatMap((row) => /^\| (\d+) /.exec(row)?.[1] ?? [])
  expect(numbers.map(Number)).toEqual(Array.from({ length: FAULTS_IN_CATALOGUE }, (_, n) => n + 1))
})

test('each fault is shown by tests or scenarios that exist, or nothing is said to show it', () => {
  const names = SCENARIOS.map(({ name }) => name)
  for (const row of ROWS) {
    const shown = row.split(' | ').at(-1) ?? ''
    const named = [...shown.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
    if (named.length === 0) expect(row).toContain('nothing yet')
    for (const name of named) {
      expect(names.includes(name) || existsSync(path.join(ROOT, name)), `${name} of ${row}`).toBe(
        true,
      )
    }
  }
})

test('docs/faults.md lists every scenario, in the order in which they run', () => {
  const table = TEXT.slice(TEXT.indexOf('| scenario |'), TEXT.indexOf('## The figures'))
  const listed = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1])
  expect(listed).toEqual(SCENARIOS.map(({ name }) => name))
})
