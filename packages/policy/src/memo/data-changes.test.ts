import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { bundleOf, policyOf } from '../../test/policy-under-test.ts'
import { loadPolicy } from '../load.ts'

vi.setConfig({ testTimeout: 120_000 })

const RUNS = 60
const ENTRYPOINTS = ['direct', 'dynamic', 'rules', 'whole', 'nothing', 'deep'].map((x) => `p/${x}`)
const REGO = `
direct := [input.a, data.d.a]

dynamic := data.d[input.a].x

rules := [user, count(roles)]

# METADATA
# title: a user
user := data.users.alice

# METADATA
# title: a role
roles contains role if some role in object.get(data.users, [input.a, "roles"], [])

whole := count(data.d)

nothing := input.a

# METADATA
# title: deep
deep := data.d.a.x if data.d.b == input.b
`
const DATA = JSON.stringify({ d: { a: { x: 1 }, b: 2 }, users: { alice: { roles: ['r'] } } })

const key = fc.constantFrom('d', 'users', 'a', 'b', 'x', 'alice', 'roles')
const path = fc.array(key, { minLength: 1, maxLength: 4 })
const value = fc.constantFrom(1, 2, 'r', null, ['r', 's'], { x: 1 }, { x: 2, a: { x: 3 } }, {})
const step = fc.oneof(
  fc.record({ patch: path, value: fc.option(value, { nil: undefined }) }),
  fc.record({
    ask: fc.constantFrom(...ENTRYPOINTS),
    input: fc.record({ a: fc.constantFrom('a', 'b', 'alice'), b: fc.constantFrom(1, 2) }),
  }),
)

test('what is remembered is what a fresh evaluation says, whatever changes in the data', async () => {
  const bundle = await bundleOf(REGO, ENTRYPOINTS, DATA)
  let remembered = 0
  let labelled = 0
  const run = async (steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]) => {
    const [policy, fresh] = [
      await loadPolicy(bundle),
      await loadPolicy(bundle, { memoBytesMax: 0 }),
    ]
    for (const each of steps) {
      if ('patch' in each) {
        const [one, other] = [policy, fresh].map((changed) => {
          try {
            changed.patchData(each.patch, each.value)
            return 'changed'
          } catch {
            return 'refused'
          }
        })
        expect(one).toBe(other)
        continue
      }
      expect(policy.evaluate(each.ask, each.input)).toEqual(fresh.evaluate(each.ask, each.input))
      expect(policy.labels).toEqual(fresh.labels)
      expect(fresh.remembered).toBe(false)
      if (policy.labels.length > 0) labelled++
      if (policy.remembered) remembered++
    }
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 40 }), run), {
    numRuns: RUNS,
  })
  expect(remembered).toBeGreaterThan(RUNS)
  expect(labelled).toBeGreaterThan(RUNS)
})

test('only answers that may depend on a change are forgotten', async () => {
  const policy = await policyOf(REGO, ENTRYPOINTS, DATA)
  const input = { a: 'a', b: 2 }
  const rememberedAfter = (changed: readonly string[]) => {
    for (const entrypoint of ENTRYPOINTS) policy.evaluate(entrypoint, input)
    policy.patchData(changed, { x: 5 })
    return ENTRYPOINTS.filter((entrypoint) => {
      policy.evaluate(entrypoint, input)
      return policy.remembered
    })
  }
  expect(rememberedAfter(['elsewhere'])).toEqual(ENTRYPOINTS)
  expect(rememberedAfter(['users', 'alice'])).toEqual(
    ['direct', 'dynamic', 'whole', 'nothing', 'deep'].map((x) => `p/${x}`),
  )
  expect(rememberedAfter(['d', 'c'])).toEqual(['p/direct', 'p/rules', 'p/nothing', 'p/deep'])
  expect(rememberedAfter(['d'])).toEqual(['p/rules', 'p/nothing'])
})
