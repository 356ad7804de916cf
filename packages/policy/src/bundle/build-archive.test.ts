import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test } from 'vitest'
import { keyPair, trust } from '../../test/bundles-under-test.ts'
import { loadPolicy } from '../load.ts'
import { unpackBundle } from './archive.ts'
import {
  type ArchiveOptions,
  type BuildStep,
  type BuiltArchive,
  buildArchive,
} from './build-archive.ts'
import { parseBundle } from './bundle.ts'
import { hashFile } from './hash.ts'
import { signBundle } from './sign.ts'
import { verifyBundle } from './verify.ts'

const OWNERS = Array.from(
  { length: 40 },
  (_, at) => `owner if {
\tinput.user == "user-${at}"
\tinput.item == "item-${at}"
}
`,
).join('\n')
const SHOP = {
  'shop.rego': `package shop

default allow := false

allow if input.user == data.shop.admin

allow if owner

${OWNERS}`,
  'shop_test.rego': `package shop_test

import data.shop

test_admin if shop.allow with input as {"user": "alice"}
`,
  'shop/data.json': '{"admin": "alice", "big": 12345678901234567890}',
}

async function built(
  files: Readonly<Record<string, string>>,
  options: Partial<ArchiveOptions> = {},
): Promise<BuiltArchive> {
  await using scratch = temporaryDirectory()
  writeFiles(scratch.path, files)
  return await buildArchive({
    opa: await opaBinary(),
    sources: scratch.path,
    entrypoints: ['shop/allow'],
    ...options,
  })
}

test('policies become a bundle that is signed, verified, loaded, and decides', async () => {
  const steps: BuildStep[] = []
  const made = await built(SHOP, {
    revision: 'v1',
    serial: 12,
    roots: ['shop'],
    onStep: (step) => steps.push(step),
  })
  expect(steps).toEqual(['check', 'test', 'coverage', 'compile', 'pack'])
  expect(made).toMatchObject({ revision: 'v1', serial: 12, roots: ['shop'], tests: 1 })
  expect(made.ruleIndex).toMatchObject({ indexed: 40 })
  const key = keyPair('ops')
  const bundle = await verifyBundle(await signBundle(made.archive, key.signing), trust(key))
  expect(bundle).toMatchObject({ revision: 'v1', serial: 12, roots: ['shop'] })
  expect(Buffer.from(bundle.data).toString()).toContain('12345678901234567890')
  const policy = await loadPolicy(bundle)
  expect(policy.evaluate('shop/allow', { user: 'alice' })).toBe(true)
  expect(policy.evaluate('shop/allow', { user: 'user-7', item: 'item-7' })).toBe(true)
  expect(policy.evaluate('shop/allow', { user: 'user-7', item: 'item-8' })).toBe(false)
})

test('a bundle holds the Rego as it is written, no tests, and both plans', async () => {
  const files = await unpackBundle((await built(SHOP, { serial: 1 })).archive)
  expect([...files.keys()]).toEqual(
    expect.arrayContaining(['.manifest', 'data.json', 'shop.rego', 'policy.wasm', 'plan.json']),
  )
  expect([...files.keys()]).toEqual(expect.arrayContaining(['module-plan.json', 'rule-index.json']))
  expect(files.has('shop_test.rego')).toBe(false)
  expect(Buffer.from(files.get('shop.rego') ?? '').toString()).toBe(SHOP['shop.rego'])
  expect(Buffer.from(files.get('plan.json') ?? '').toString()).not.toContain('verdict_index')
  expect(Buffer.from(files.get('module-plan.json') ?? '').toString()).toContain('verdict_index')
})

test('the same sources with the same serial are the same archive', async () => {
  const [one, other] = [await built(SHOP, { serial: 1 }), await built(SHOP, { serial: 1 })]
  expect(other.digest).toBe(one.digest)
  expect((await built(SHOP, { serial: 2 })).digest).not.toBe(one.digest)
})

test('without a serial, a later bundle has a greater one', async () => {
  const before = Date.now()
  const { serial } = await built(SHOP, { ruleIndex: false })
  expect(serial).toBeGreaterThanOrEqual(before)
})

test('what only a strict check finds is refused', async () => {
  const unused = 'package shop\n\nallow if {\n\tx := 1\n\tinput.a\n}\n'
  await expect(built({ 'shop.rego': unused })).rejects.toMatchObject({ code: 'policy_refused' })
})

test('policies whose tests run through too little of them are refused', async () => {
  const files = {
    'shop.rego': `package shop

allow if input.a

allow if input.b

allow if other

other if input.c
`,
    'shop_test.rego': 'package shop_test\n\ntest_a if data.shop.allow with input as {"a": true}\n',
  }
  const { coverage } = await built(files)
  expect(coverage).toMatchObject({ lines: 4, missed: [{ file: 'shop.rego', lines: [5, 7, 9] }] })
  expect(coverage.percent).toBe(25)
  await expect(built(files, { coverageMinPercent: 25 })).resolves.toBeDefined()
  await expect(built(files, { coverageMinPercent: 26 })).rejects.toMatchObject({
    code: 'coverage_too_low',
    message: expect.stringContaining('shop.rego:5 (3 lines)'),
  })
})

test('policies whose tests fail are refused', async () => {
  const failing = { ...SHOP, 'more_test.rego': 'package more_test\n\ntest_no if data.shop.none\n' }
  await expect(built(failing)).rejects.toMatchObject({ code: 'tests_failed' })
})

test('policies beyond the roots are refused when they are built', async () => {
  await expect(built(SHOP, { roots: ['bank'] })).rejects.toMatchObject({
    code: 'bundle_roots_violated',
    message: expect.stringContaining('`shop/allow`'),
  })
})

test('policies that ask other services are refused, unless that is allowed', async () => {
  const asking =
    'package shop\n\nallow if http.send({"method": "get", "url": input.url}).status_code == 200\n'
  await expect(built({ 'shop.rego': asking })).rejects.toMatchObject({
    code: 'builtin_unsupported',
    message: expect.stringContaining('shop.rego:3: `http.send`'),
  })
  await expect(built({ 'shop.rego': asking }, { allowFetch: true })).resolves.toBeDefined()
})

test('of a key that data has twice, the module takes the one that signatures count', async () => {
  const { archive } = await built(SHOP, { ruleIndex: false, serial: 1 })
  const bundle = await parseBundle(archive, { revision: '', entrypoints: ['shop/allow'] })
  const text = '{"shop":{"admin":"mallory"},"shop":{"admin":"mallory","admin":"alice"}}'
  const data = Buffer.from(text)
  const once = Buffer.from('{"shop":{"admin":"alice"}}')
  expect(hashFile('data.json', data, 'SHA-256')).toBe(hashFile('data.json', once, 'SHA-256'))
  const policy = await loadPolicy({ ...bundle, data })
  expect(policy.evaluate('shop/allow', { user: 'alice' })).toBe(true)
  expect(policy.evaluate('shop/allow', { user: 'mallory' })).toBe(false)
})
