import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { bundleOf, errorOf, policyOf } from '../test/policy-under-test.ts'
import { loadPolicy } from './load.ts'

vi.setConfig({ testTimeout: 60_000 })

const WHOLE = 'x := {"users": data.users, "roles": data.roles}\n'
const DATA = '{"users": {"alice": {"roles": ["admin"]}, "bob": {"roles": []}}, "roles": {}}'

test('a change of the data is in effect with the next evaluation', async () => {
  const policy = await policyOf(WHOLE, ['p/x'], DATA)
  policy.patchData(['users', 'bob', 'roles'], ['reader'])
  policy.patchData(['users', 'carol'], { roles: ['writer'], id: null })
  policy.patchData(['roles', 'deep', 'deeper'], 1)
  policy.patchData(['users', 'alice'], undefined)
  expect(policy.evaluate('p/x')).toEqual({
    users: { bob: { roles: ['reader'] }, carol: { roles: ['writer'], id: null } },
    roles: { deep: { deeper: 1 } },
  })
})

const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'é')
const patch = fc.record({
  path: fc.array(key, { minLength: 1, maxLength: 3 }).map((path) => ['tree', ...path]),
  value: fc.option(fc.jsonValue({ maxDepth: 2 }), { nil: undefined }),
})

test('changed data is what the same data is when it is loaded', async () => {
  const bundle = await bundleOf('x := data.tree\n', ['p/x'], '{"tree": {}}')
  const patched = await loadPolicy(bundle)
  await fc.assert(
    fc.asyncProperty(fc.array(patch, { maxLength: 20 }), async (patches) => {
      patched.patchData(['tree'], {})
      for (const { path, value } of patches) {
        try {
          patched.patchData(path, value)
        } catch (error) {
          expect(error).toMatchObject({ code: 'data_refused' })
        }
      }
      const text = JSON.stringify({ tree: patched.evaluate('p/x') })
      const loaded = await loadPolicy({ ...bundle, data: Buffer.from(text) })
      expect(patched.evaluateValue('p/x')).toEqual(loaded.evaluateValue('p/x'))
    }),
    { numRuns: 40 },
  )
})

test('a change is refused where its path leads through no object, and changes nothing', async () => {
  const policy = await policyOf(WHOLE, ['p/x'], DATA)
  const before = policy.evaluate('p/x')
  for (const [path, value] of [
    [['users', 'alice', 'roles', '0'], 'x'],
    [['users', 'alice', 'roles', '0', 'deep'], 'x'],
    [[], { users: {} }],
    [[], undefined],
  ] as const) {
    const error = errorOf(() => policy.patchData(path, value))
    expect(error).toMatchObject({ code: 'data_refused' })
    expect(policy.evaluate('p/x')).toEqual(before)
  }
})

test('the tables of the rules are no data to change', async () => {
  const policy = await policyOf(WHOLE, ['p/x'], DATA)
  const refused = errorOf(() => policy.patchData(['verdict_index', 'a'], 1))
  expect(refused).toMatchObject({ code: 'data_refused' })
})

test('to take out what is not there changes nothing', async () => {
  const policy = await policyOf(WHOLE, ['p/x'], DATA)
  const before = policy.evaluate('p/x')
  for (const path of ['users.nobody', 'users.nobody.x', 'users.alice.roles.0', 'a.b.c']) {
    policy.patchData(path.split('.'), undefined)
    expect(policy.evaluate('p/x')).toEqual(before)
  }
})

test('a change that is too large is refused, and changes nothing', async () => {
  const policy = await loadPolicy(await bundleOf(WHOLE, ['p/x'], DATA), {
    memoryBytesMax: 8 * 1024 ** 2,
  })
  const before = policy.evaluate('p/x')
  for (const value of ['a'.repeat(9 * 1024 ** 2), Array(200_000).fill('a')]) {
    const error = errorOf(() => policy.patchData(['roles', 'large'], value))
    expect(error).toMatchObject({ code: 'memory_exhausted' })
    expect(policy.evaluate('p/x')).toEqual(before)
  }
  policy.patchData(['roles', 'small'], 1)
  expect(policy.evaluate('p/x')).toMatchObject({ roles: { small: 1 } })
})

test('thousands of changes take no more room than the data does', async () => {
  const policy = await loadPolicy(await bundleOf(WHOLE, ['p/x'], DATA), {
    memoryBytesMax: 8 * 1024 ** 2,
  })
  for (let n = 0; n < 20_000; n++) {
    policy.patchData(['users', `user-${n % 10}`], {
      roles: [`role-${n}`],
      note: 'a'.repeat(n % 99),
    })
  }
  expect(policy.evaluate('p/x')).toMatchObject({ users: { 'user-9': { roles: ['role-19999'] } } })
})

test('changes outlast failed evaluations and instances that are replaced', async () => {
  const rego = `${WHOLE}\ny := count([[a, b] | some a in input; some b in input])\n`
  const policy = await policyOf(rego, ['p/x', 'p/y'], DATA)
  policy.patchData(['roles', 'new'], [1])
  const expected = policy.evaluate('p/x')
  const many = Array.from({ length: 700 }, (_, n) => n)
  errorOf(() => policy.evaluate('p/y', many, { unitsMax: 5_000_000 }))
  expect(policy.evaluate('p/x')).toEqual(expected)
  policy.evaluate('p/y', many, { unitsMax: 1_000_000_000 })
  expect(policy.evaluate('p/x')).toEqual(expected)
  policy.patchData(['roles', 'newer'], 2)
  expect(policy.evaluate('p/x')).toMatchObject({ roles: { new: [1], newer: 2 } })
})
