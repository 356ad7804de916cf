import { expect, test, vi } from 'vitest'
import { bundleOf } from '../../test/policy-under-test.ts'
import { loadPolicy } from '../load.ts'

vi.setConfig({ testTimeout: 120_000 })

/** What a rule of a tenant may go on with; each rule with some of them, so that forms differ. */
const CONDITIONS: readonly ((n: number) => string)[] = [
  (n) => `input.level > ${n % 3}`,
  () => 'not input.suspended',
  () => 'count(input.roles) > 1',
  (n) => `startswith(input.path, "/t${n}/")`,
  () => 'lower(input.method) == "get"',
  () => 'is_open(input.path)',
  () => 'some role in input.roles; role == "reader"',
  () => 'every role in input.roles { role != "banned" }',
  () => 'regex.match(`^/t\\d+/`, input.path)',
  (n) => `input["limit"] < ${n} + 1_0`.replace('_', ''),
  (n) => `"t${n}" in {role | some role in input.tenants}`,
  () => 'data.nowhere == 1 with input.level as 2',
]

/** Rules by tenant, in the ways in which tenants go on: each of twelve forms, and none alike. */
function tenants(count: number, head: string): string {
  const rules = Array.from({ length: count }, (_, n) => {
    const own = CONDITIONS.filter(
      (_each, at) => at === n % 12 || (n * 2_654_435_761) % (at + 3) === 0,
    )
    const body = own.map((condition) => `\t${condition(n)}\n`).join('')
    return `${head} if {\n\tinput.tenant == "t${n}"\n${body}\tinput.tenant != "x${'x'.repeat(n % 7)}"\n}\n`
  })
  return `default x := false\n\nis_open(path) if endswith(path, "/open")\n\n${rules.join('\n')}`
}

const REQUEST = {
  tenant: 't7',
  path: '/t7/open',
  method: 'GET',
  level: 3,
  limit: 4,
  roles: ['reader', 'writer'],
  tenants: ['t7'],
}

/** What a policy of these rules spends on an input. */
async function spender(rego: string): Promise<(input: unknown) => number> {
  const policy = await loadPolicy(await bundleOf(rego), { memoBytesMax: 0 })
  return (input) => {
    policy.evaluate('p/x', input)
    return policy.spent
  }
}

test.for(['x', 'x := "yes"'])(
  'what one tenant asks does not cost more for 800 tenants than for 20 (%s)',
  async (head) => {
    const few = await spender(tenants(20, head))
    const many = await spender(tenants(800, head))
    for (const input of [REQUEST, { ...REQUEST, tenant: 'nobody' }, {}]) {
      const units = few(input)
      expect(units).toBeGreaterThan(100)
      expect(many(input)).toBeLessThan(units * 2)
    }
  },
)

test('of rules with one value those behind the first that holds cost nothing', async () => {
  const rules = (count: number) =>
    Array.from({ length: count }, (_, n) => `x if { input.a${n}; count(input.list) > ${n} }`)
  const input = { a0: true, a40: true, list: [1, 2, 3] }
  const ten = await spender(rules(10).join('\n'))
  const many = await spender(rules(200).join('\n'))
  expect(many(input)).toBeLessThan(ten(input) * 2)
})
