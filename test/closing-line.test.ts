import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'

const VITEST = path.join(
  path.dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
  'vitest.mjs',
)
const REPORTER = path.join(import.meta.dirname, 'closing-line.ts')

/** Runs vitest on files that are written for it; the last line of its output and its exit code. */
async function run(files: Record<string, string>): Promise<{ line: string; code: number }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'verdict-closing-line-'))
  try {
    for (const [name, source] of Object.entries(files)) {
      await writeFile(path.join(folder, name), source)
    }
    const args = ['run', '--globals', '--root', folder, '--reporter=default']
    const child = spawn(process.execPath, [VITEST, ...args, `--reporter=${REPORTER}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
    return { line: output.trimEnd().split('\n').at(-1) ?? '', code }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('the last line counts what passed and failed', async () => {
  expect(await run({ 'a.test.js': `test('a', () => {}); test('b', () => {})` })).toEqual({
    line: '2 passed, 0 failed',
    code: 0,
  })
})

test('skipped tests are counted only where there are some', async () => {
  const source = `test('a', () => {}); test.skip('b', () => {}); test('c', () => { throw 1 })`
  expect(await run({ 'a.test.js': source })).toEqual({
    line: '1 passed, 1 failed, 1 skipped',
    code: 1,
  })
})

test('a file that does not load and a suite whose hook fails count as failed', async () => {
  const broken = await run({
    'a.test.js': `test('a', () => {})`,
    'b.test.js': `throw new Error('not loadable')`,
    'c.test.js': `describe('c', () => { afterAll(() => { throw 1 }); test('d', () => {}) })`,
  })
  expect(broken).toEqual({ line: '2 passed, 2 failed', code: 1 })
})

test('an error outside of any test counts as failed', async () => {
  const source = `test('a', () => { Promise.reject(new Error('nobody waits for me')) })`
  expect(await run({ 'a.test.js': source })).toEqual({ line: '1 passed, 1 failed', code: 1 })
})
