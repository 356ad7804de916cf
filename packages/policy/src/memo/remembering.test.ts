import { join } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { buildBundle } from '../build.ts'
import { type LoadOptions, loadPolicy } from '../load.ts'
import type { LoadedPolicy } from '../policy.ts'

vi.setConfig({ testTimeout: 60_000 })

async function policyOf(rego: string, options?: LoadOptions): Promise<LoadedPolicy> {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  writeFiles(sources, { 'p.rego': `package p\n\n${rego}\n`, 'data.json': '{"d": {"n": 1}}' })
  const entrypoints = ['p/x']
  const opa = await opaBinary()
  return await loadPolicy(
    await buildBundle({ opa, sources, entrypoints, cacheDir: scratch.path }),
    options,
  )
}

test('an answer is remembered for all that it read, at the cost of the first', async () => {
  const policy = await policyOf('x := {"sum": input.a + data.d.n}')
  expect(policy.evaluate('p/x', { a: 1, b: 1 })).toEqual({ sum: 2 })
  const { spent } = policy
  expect([policy.remembered, spent > 0]).toEqual([false, true])
  expect(policy.evaluate('p/x', { a: 1, b: 2 })).toEqual({ sum: 2 })
  expect([policy.remembered, policy.spent]).toEqual([true, spent])
  expect(policy.evaluate('p/x', { a: 2, b: 2 })).toEqual({ sum: 3 })
  expect(policy.remembered).toBe(false)
})

test('that a rule is undefined is remembered, and that there was no input', async () => {
  const policy = await policyOf('x if input.a == 1')
  expect(policy.evaluate('p/x', { a: 2 })).toBeUndefined()
  expect(policy.evaluate('p/x', { a: 2 })).toBeUndefined()
  expect(policy.remembered).toBe(true)
  expect(policy.evaluate('p/x', {})).toBeUndefined()
  expect(policy.remembered).toBe(false)
  expect(policy.evaluate('p/x')).toBeUndefined()
  expect(policy.remembered).toBe(false)
})

test('nothing is remembered beyond a change of the data', async () => {
  const policy = await policyOf('x := input.a + data.d.n')
  expect([policy.evaluate('p/x', { a: 1 }), policy.evaluate('p/x', { a: 1 })]).toEqual([2, 2])
  policy.patchData(['d', 'n'], 10)
  expect(policy.evaluate('p/x', { a: 1 })).toBe(11)
  expect(policy.remembered).toBe(false)
})

test('a policy that reads the time, or guesses, is asked each time', async () => {
  for (const rego of [
    'x := time.now_ns()',
    'x := rand.intn("a", 1000000)',
    'x := uuid.rfc4122("")',
  ]) {
    const policy = await policyOf(rego)
    policy.evaluate('p/x', {})
    policy.evaluate('p/x', {})
    expect(policy.remembered, rego).toBe(false)
  }
})

test('a fault is no answer to remember', async () => {
  const policy = await policyOf('x := input.a if input.a\n\nx := 2 if input.a')
  for (let time = 0; time < 2; time++) {
    expect(() => policy.evaluate('p/x', { a: 1 })).toThrow()
    expect(policy.remembered).toBe(false)
  }
})

test('who sets a bound learns whether it holds, whatever is remembered', async () => {
  const policy = await policyOf('x := count([i | some i in numbers.range(1, input.n)])')
  expect(policy.evaluate('p/x', { n: 1_000 })).toBe(1_000)
  expect(() => policy.evaluate('p/x', { n: 1_000 }, { unitsMax: 10 })).toThrow()
})

test('without room nothing is remembered', async () => {
  const policy = await policyOf('x := input.a', { memoBytesMax: 0 })
  policy.evaluate('p/x', { a: 1 })
  policy.evaluate('p/x', { a: 1 })
  expect(policy.remembered).toBe(false)
})
