import { execFile } from 'node:child_process'
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { type BuildOptions, buildBundle } from './build.ts'
import { loadPolicy } from './load.ts'

const opa = await opaBinary()
vi.setConfig({ testTimeout: 60_000 })
const run = promisify(execFile)

const POLICY = 'package p\n\nx := data.number\n'
let sources: string
let cacheDir: string

beforeEach(() => {
  const scratch = temporaryDirectory()
  onTestFinished(async () => await scratch[Symbol.asyncDispose]())
  sources = join(scratch.path, 'policies')
  cacheDir = join(scratch.path, 'cache')
})

const build = async (options: Partial<BuildOptions> = {}) =>
  await buildBundle({ opa, sources, entrypoints: ['p/x'], cacheDir, ...options })

const refusal = async (files: Record<string, string>, options: Partial<BuildOptions> = {}) => {
  writeFiles(sources, files)
  return await build(options).then(
    () => expect.unreachable('the policies were built'),
    (error: { code: string; message: string }) => error,
  )
}

test('policies that pass become a bundle that decides', async () => {
  writeFiles(sources, { 'p.rego': POLICY, 'data.json': '{"number": 7}' })
  const bundle = await build()
  expect(bundle.revision).toMatch(/^[0-9a-f]{64}$/)
  expect((await loadPolicy(bundle)).evaluate('p/x', {})).toBe(7)
})

test('data lies where `opa run` puts it', async () => {
  writeFiles(sources, {
    'p.rego': 'package p\n\nx := {"a": data.a, "b": data.b, "sub": data.sub}\n',
    'data.json': '{"a": 1}',
    'any-name.json': '{"b": {"c": 2}}',
    'sub/other.yaml': 'd: 3\n',
    'sub/deeper/data.yml': 'e: [4]\n',
    'b/d.json': '{"d": 5}',
  })
  const { stdout } = await run(opa, ['eval', '--data', sources, 'data.p.x', '--format', 'raw'])
  const expected = JSON.parse(stdout)
  expect(expected).toMatchObject({ a: 1, b: { c: 2, d: 5 }, sub: { d: 3, deeper: { e: [4] } } })
  expect((await loadPolicy(await build())).evaluate('p/x', {})).toEqual(expected)
})

test('every integer of the data arrives whole', async () => {
  writeFiles(sources, {
    'p.rego': 'package p\n\nx if data.id == 9007199254740993\n',
    'data.json': '{"id": 9007199254740993}',
  })
  expect((await loadPolicy(await build())).evaluate('p/x', {})).toBe(true)
})

test('what does not parse is refused with file and line', async () => {
  const error = await refusal({ 'p.rego': POLICY, 'sub/q.rego': 'package q\n\ny := [1' })
  expect(error.code).toBe('policy_refused')
  expect(error.message).toMatch(/`opa check`: sub\/q\.rego:3: /)
})

test('what does not compile is refused, and of many problems some are told', async () => {
  const rules = [3, 4, 5, 6, 7].map((line) => `r${line} := nothing.f${line}(1)`)
  const error = await refusal({ 'p.rego': `package p\n\n${rules.join('\n')}\n` })
  expect(error.code).toBe('policy_refused')
  expect(error.message).toContain('p.rego:3: undefined function nothing.f3')
  expect(error.message).toMatch(/; and 2 more$/)
  expect(error.message).not.toContain('\n')
})

test('an entrypoint that names no rule is refused by its name', async () => {
  const error = await refusal({ 'p.rego': POLICY }, { entrypoints: ['p/y'] })
  expect(error.code).toBe('policy_refused')
  expect(error.message).toContain('"p/y"')
})

test('data that is no JSON is refused with its file', async () => {
  const error = await refusal({ 'p.rego': POLICY, 'sub/data.json': '{bad' })
  expect(error.code).toBe('policy_refused')
  expect(error.message).toMatch(/sub\/data\.json: invalid character/)
})

test('data in the place of a rule is refused, although `opa build` would take it', async () => {
  const error = await refusal({ 'p.rego': POLICY, 'data.json': '{"p": {"x": 1}}' })
  expect(error.code).toBe('policy_refused')
  expect(error.message).toContain('p.rego:3: ')
})

test('a Rego test that fails is told with file, line and name', async () => {
  const error = await refusal({
    'p.rego': POLICY,
    'data.json': '{"number": 7}',
    'p_test.rego': [
      'package p_test',
      'test_seven if data.p.x == 7',
      'test_eight if data.p.x == 8',
      'test_torn if f(1)',
      'f(x) := 1',
      'f(x) := 2',
      'todo_test_later if false',
    ].join('\n'),
  })
  expect(error.code).toBe('tests_failed')
  expect(error.message).toContain('2 of 4 tests of the policies failed')
  expect(error.message).toContain('p_test.rego:3: test_eight')
  expect(error.message).toMatch(/p_test\.rego:4: test_torn: .*conflicting values/)
})

test('tests that pass or are still to be written are no part of the module', async () => {
  writeFiles(sources, { 'p.rego': POLICY, 'data.json': '{"number": 7}' })
  const { wasm } = await build()
  writeFiles(sources, {
    'p_test.rego': 'package p_test\n\ntest_x if data.p.x == 7\n\ntodo_test_y if false\n',
  })
  const tested = await build()
  expect(Buffer.compare(tested.wasm, wasm)).toBe(0)
})

test('the same sources are built once', async () => {
  writeFiles(sources, { 'p.rego': POLICY })
  const first = await build()
  const second = await build({ opa: '/nowhere/opa' })
  expect(second).toEqual(first)
  expect(readdirSync(join(cacheDir, 'bundles'))).toEqual([`${first.revision}.tar.gz`])
})

test('a built bundle that is damaged is built again', async () => {
  writeFiles(sources, { 'p.rego': POLICY })
  const { revision } = await build()
  const file = join(cacheDir, 'bundles', `${revision}.tar.gz`)
  writeFileSync(file, 'no archive')
  await build()
  await expect(build({ opa: '/nowhere/opa' })).resolves.toMatchObject({ revision })
})

test('only the latest bundles are kept', async () => {
  for (let n = 0; n < 11; n++) {
    writeFiles(sources, { 'p.rego': POLICY, 'data.json': `{"number": ${n}}` })
    await build()
  }
  expect(readdirSync(join(cacheDir, 'bundles'))).toHaveLength(8)
  await expect(build({ opa: '/nowhere/opa' })).resolves.toBeDefined()
})

test('an `opa` that is not there is named', async () => {
  const error = await refusal({ 'p.rego': POLICY }, { opa: '/nowhere/opa' })
  expect(error).toMatchObject({ code: 'opa_unavailable' })
  expect(error.message).toContain('`/nowhere/opa`')
})

test('an `opa` may be named by a path from the working directory', async () => {
  writeFiles(sources, { 'p.rego': POLICY })
  await expect(build({ opa: relative(process.cwd(), opa) })).resolves.toBeDefined()
})

test('a call of `opa` that takes too long is killed', async () => {
  const error = await refusal({ 'p.rego': POLICY }, { timeoutMs: 1 })
  expect(error).toMatchObject({ code: 'opa_timed_out' })
})

test('a build is given up when its process stops', async () => {
  const error = await refusal({ 'p.rego': POLICY }, { signal: AbortSignal.abort() })
  expect(error).toMatchObject({ code: 'build_aborted' })
})

test('a program that prints without end is stopped', async () => {
  writeFiles(sources, { 'p.rego': POLICY })
  const endless = join(sources, 'endless')
  writeFileSync(endless, '#!/bin/sh\nexec yes\n')
  chmodSync(endless, 0o755)
  await expect(build({ opa: endless })).rejects.toMatchObject({ code: 'opa_failed' })
})

test('a cache that cannot be written is a fault of its own', async () => {
  writeFiles(sources, { 'p.rego': POLICY })
  await expect(build({ cacheDir: '/dev/null/cache' })).rejects.toMatchObject({
    code: 'cache_failed',
  })
})

test('nothing is left of a build that was refused', async () => {
  await refusal({ 'p.rego': 'package' })
  expect(readdirSync(join(cacheDir, 'bundles'))).toEqual([])
})
