import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { settings } from '../src/config.ts'
import { PLUGIN_REASONS } from '../src/events/plugin-metrics.ts'

const ROOT = join(import.meta.dirname, '../../..')
const PAGE = 'docs/migrating-from-opa-envoy-plugin.md'
const page = readFileSync(join(ROOT, PAGE), 'utf8')

/** All that the plugin's `Config` has, in its order. */
const OPTIONS = [
  'addr',
  'query',
  'path',
  'dry-run',
  'enable-reflection',
  'proto-descriptor',
  'grpc-max-recv-msg-size',
  'grpc-max-send-msg-size',
  'skip-request-body-parse',
  'enable-performance-metrics',
  'grpc-request-duration-seconds-buckets',
]

/** The rows of the table with this heading, without heading and rule. */
function rowsOf(heading: string): string[][] {
  const lines = page.slice(page.indexOf(`| ${heading} |`)).split('\n')
  const end = lines.findIndex((line) => !line.startsWith('|'))
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  return lines.slice(2, end).map(cells)
}

test('every setting that the page names exists', () => {
  const known = new Set(Object.values(settings).map(({ env }): string => env))
  const named = page.match(/VERDICT_[A-Z_]+/g) ?? []
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((name) => !known.has(name))).toEqual([])
})

test('every option of the plugin has a row, with a setting or a `none`', () => {
  const rows = rowsOf("the plugin's option")
  const options = new Set(rows.map(([option = '']) => /^`([a-z-]+)`/.exec(option)?.[1]))
  expect(options).toEqual(new Set(OPTIONS))
  for (const [, here = ''] of rows) expect(here).toMatch(/^`VERDICT_|^none$/)
})

test('the reasons of the page are those that are counted', () => {
  const rows = rowsOf('our code').map(([code, reason]) => [code, reason])
  const counted = Object.entries(PLUGIN_REASONS)
  expect(rows).toEqual(counted.map(([code, reason]) => [`\`${code}\``, `\`${reason}\``]))
})

test('the README leads to the page', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(PAGE)
})
