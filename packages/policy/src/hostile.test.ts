import { expect, test, vi } from 'vitest'
import { bundleOf, errorOf, policyOf } from '../test/policy-under-test.ts'
import { loadPolicy } from './load.ts'

vi.setConfig({ testTimeout: 120_000 })

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth))

/** What each does to an engine without bounds is in its name. */
const HOSTILE: Readonly<Record<string, { rego: string; input?: unknown; code: string }>> = {
  'a product of ranges': {
    rego: 'count([1 | some a in input; some b in input; some c in input; a + b == c])',
    input: numbers(2_000),
    code: 'budget_exhausted',
  },
  'a range of a billion': {
    rego: 'count(numbers.range(1, 1000000000))',
    code: 'budget_exhausted',
  },
  'a walk over a walk': {
    rego: 'count([1 | walk(input, [_, a]); walk(input, [_, b]); a == b])',
    input: numbers(3_000).map((n) => [n]),
    code: 'budget_exhausted',
  },
  'all pairs as a set': {
    rego: 'count({[a, b] | some a in input; some b in input})',
    input: numbers(2_000),
    code: 'budget_exhausted',
  },
  'texts that double': {
    rego: 'count(replace(replace(replace(input, "a", input), "a", input), "a", input))',
    input: 'a'.repeat(300),
    code: 'budget_exhausted',
  },
  'a graph of all edges': {
    rego: 'graph.reachable({n: m | some n in input; m := input}, {1})',
    input: numbers(3_000),
    code: 'budget_exhausted',
  },
  'a built-in of ours with five million results': {
    rego: 'count(indexof_n(input, "a"))',
    input: 'a'.repeat(5_000_000),
    code: 'budget_exhausted',
  },
  'a range of ours of a billion': {
    rego: 'count(numbers.range_step(1, 1000000000, 1))',
    code: 'budget_exhausted',
  },
  'numbers of millions of digits': {
    rego: '[x | a := json.unmarshal(input); b := a * a; c := b * b; d := c * c; x := d * d][0]',
    input: '9'.repeat(100_000),
    code: 'budget_exhausted',
  },
  'an input that is too deep to be written': {
    rego: 'count(input)',
    input: nested(50_000),
    code: 'input_malformed',
  },
}
const names = Object.keys(HOSTILE)

test('a hostile policy costs one failed decision', async () => {
  const rules = names.map((name, at) => `x${at} := ${HOSTILE[name]?.rego}\n`)
  const rego = [...rules, 'neighbour := input + 1\n'].join('\n')
  const entrypoints = [...names.map((_, at) => `p/x${at}`), 'p/neighbour']
  const policy = await policyOf(rego, entrypoints)
  for (let round = 0; round < 2; round++) {
    for (const [at, name] of names.entries()) {
      const { input, code } = HOSTILE[name] ?? {}
      const error = errorOf(() => policy.evaluate(`p/x${at}`, input ?? {}))
      expect({ name, code: error.code }).toEqual({ name, code })
      expect(policy.evaluate('p/neighbour', at)).toBe(at + 1)
    }
  }
})

test('a regular expression that makes others back-track takes linear time', async () => {
  const rego = 'x := [regex.match(`^(a+)+$`, input), regex.match(`(a*)*(a|aa)*b`, input)]\n'
  const policy = await policyOf(rego)
  expect(policy.evaluate('p/x', `${'a'.repeat(10_000)}!`)).toEqual([false, false])
  const short = policy.spent
  policy.evaluate('p/x', `${'a'.repeat(40_000)}!`)
  expect(policy.spent).toBeLessThan(short * 8)
})

test('a failed evaluation leaves no trace in the next one, whatever it was in the middle of', async () => {
  const rego = [
    'x := {"seen": seen, "regex": regex.match("^a(b|c)+$", "abcbc"), "sum": total}',
    'seen := {lower(user.name) | some user in data.users; user.roles[_] == input.role}',
    'total := sum([half | some n in numbers.range(1, 30); half := n / 2])',
  ]
  const users = numbers(20).map((n) => ({ name: `User-${n}`, roles: [`role-${n % 3}`] }))
  const policy = await policyOf(`${rego.join('\n\n')}\n`, ['p/x'], JSON.stringify({ users }))
  const expected = policy.evaluate('p/x', { role: 'role-1' })
  const { spent } = policy
  for (let unitsMax = 1; unitsMax < spent; unitsMax += Math.ceil(spent / 300)) {
    const error = errorOf(() => policy.evaluate('p/x', { role: 'role-1' }, { unitsMax }))
    expect(error).toMatchObject({ code: 'budget_exhausted' })
    expect(policy.evaluate('p/x', { role: 'role-1' })).toEqual(expected)
    expect(policy.spent).toBe(spent)
  }
})

test('a memory bomb ends at the bound of the memory', async () => {
  const bundle = await bundleOf('x := count([[a, b] | some a in input; some b in input])\n')
  const policy = await loadPolicy(bundle, { memoryBytesMax: 16 * 1024 ** 2 })
  const error = errorOf(() => policy.evaluate('p/x', numbers(1_000)))
  expect(error).toMatchObject({ code: 'memory_exhausted' })
  expect(policy.evaluate('p/x', [1, 2])).toBe(4)
})
