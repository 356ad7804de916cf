import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { errorOf } from '../../test/policy-under-test.ts'
import { randomInput, randomPolicy } from '../../test/random-policy.ts'
import { SHOP_ENTRYPOINT, shopInput, user, workload } from '../../test/shop-requests.ts'
import { buildBundle } from '../build.ts'
import { randomOf } from '../rule-index/generated-rules.ts'
import { type ExplainablePolicy, explainable } from './explain.ts'
import type { BodyTrace, ConditionTrace, Explanation, RuleTrace } from './explanation.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
const SHIPPED = resolve(import.meta.dirname, '../../../../policies')

async function policyIn(sources: string, entrypoints: string[]): Promise<ExplainablePolicy> {
  await using cache = temporaryDirectory()
  const opa = await opaBinary()
  const { revision } = await buildBundle({ opa, sources, entrypoints, cacheDir: cache.path })
  return await explainable(
    await readFile(join(cache.path, 'bundles', `${revision}.tar.gz`)),
    revision,
  )
}

async function policyOf(rego: string, data: object = {}): Promise<ExplainablePolicy> {
  await using scratch = temporaryDirectory()
  writeFiles(scratch.path, {
    'p.rego': `package p\n\n${rego}\n`,
    'data.json': JSON.stringify(data),
  })
  return await policyIn(scratch.path, ['p/x'])
}

/** Every rule of the tree, with those that it asked. */
function* rulesIn(rules: readonly RuleTrace[]): Generator<RuleTrace> {
  for (const rule of rules) {
    yield rule
    for (const { conditions } of rule.bodies) {
      for (const { calls } of conditions) yield* rulesIn(calls)
    }
  }
}

/** The first body of a rule with this head. */
function bodyOf({ rules }: Explanation, wanted: string): BodyTrace | undefined {
  for (const { bodies } of rulesIn(rules)) {
    const found = bodies.find(({ head }) => head.startsWith(wanted))
    if (found !== undefined) return found
  }
  return undefined
}

const failedIn = (body: BodyTrace | undefined): ConditionTrace | undefined =>
  body?.conditions.find(({ held }) => !held)

describe('the shipped policies', () => {
  let shop: ExplainablePolicy
  beforeAll(async () => {
    shop = await policyIn(SHIPPED, [SHOP_ENTRYPOINT])
  })
  const explained = (input: object) => shop.explain(SHOP_ENTRYPOINT, JSON.stringify(input))

  test('an allow tells the ground, with its title and place', () => {
    const explanation = explained(shopInput({ path: '/catalog/1', host: 'catalog.shop' }))
    expect(explanation).toMatchObject({ allowed: true, nearMisses: [] })
    expect(bodyOf(explanation, 'grounds contains "public_catalogue"')).toMatchObject({
      kind: 'rule',
      head: 'grounds contains "public_catalogue"',
      title: 'Anybody may read the catalogue',
      held: true,
      conditions: [
        { text: 'request.destination == {"namespace": "shop", "service": "catalog"}', held: true },
        { text: 'request.method in reading', held: true },
        { text: 'request.path[0] == "catalog"', held: true },
      ],
    })
  })

  test('each body is told with the file and the line at which it is', async () => {
    const explanation = explained(shopInput({ path: '/orders/1', host: 'orders.shop' }))
    let told = 0
    for (const { bodies } of rulesIn(explanation.rules)) {
      for (const { file, row, head, conditions } of bodies) {
        const lines = (await readFile(join(SHIPPED, file), 'utf8')).split('\n')
        expect(lines[row - 1]).toContain(head.replace('default ', '').slice(0, 20))
        for (const { text, row: own } of conditions) {
          expect(lines[own - 1]).toContain(text.slice(0, 20))
          told += 1
        }
      }
    }
    expect(told).toBeGreaterThan(20)
  })

  test('each line of `else` that was tried tells its condition, and the last one holds', () => {
    const explanation = explained(shopInput({ path: '/x', host: 'ledger.shop' }))
    const [decision] = explanation.rules
    expect(decision?.rule).toBe('data.envoy.authz.allow')
    expect(decision?.bodies.map(({ kind, held }) => [kind, held])).toEqual([
      ['rule', false],
      ['else', false],
      ['else', false],
      ['else', true],
    ])
    expect(failedIn(decision?.bodies[0])).toMatchObject({
      text: 'count(denials.reasons) > 0',
      failures: [
        { why: 'false', operands: [{ value: '0', from: 'count(set())' }, { value: '0' }] },
      ],
    })
    const ofAudit = 'request.destination.service == "verdict-audit"'
    expect(failedIn(decision?.bodies[1])?.text).toBe(ofAudit)
    expect(failedIn(decision?.bodies[2])?.text).toBe('request.is_health_check')
    expect(decision?.bodies[3]?.conditions[0]?.text).toBe('not workloads.service_known')
  })

  test('a missing role is told with the roles that there are', () => {
    const identity = user(['guest'])
    const explanation = explained(shopInput({ path: '/orders/1', host: 'orders.shop', identity }))
    const body = bodyOf(explanation, 'grounds contains "orders_read"')
    expect(body?.conditions.map(({ text, held }) => [text, held])).toEqual([
      ['request.destination == {"namespace": "shop", "service": "orders"}', true],
      ['request.method in reading', true],
      ['request.path[0] == "orders"', true],
      ['some role in {"customer", "support", "admin"}', true],
      ['role in users.roles', false],
    ])
    expect(failedIn(body)).toMatchObject({
      failed: 3,
      failures: ['"admin"', '"customer"', '"support"'].map((role) => ({
        why: 'false',
        operands: [{ value: role }, { value: '{"guest"}' }],
      })),
      calls: [{ rule: 'data.shop.users.roles', value: '{"guest"}' }],
    })
  })

  test('a comparison that fails tells both values, and the place of the input', () => {
    const explanation = explained(shopInput({ path: '/orders', host: 'orders.shop' }))
    expect(failedIn(bodyOf(explanation, 'grounds contains "order_placed"'))?.failures).toEqual([
      {
        why: 'unequal',
        left: { value: '"GET"', from: 'input.attributes.request.http.method' },
        right: { value: '"POST"' },
      },
    ])
  })

  test('a workload of another namespace is told by what is missing in the data', () => {
    const identity = { ...user(['customer']), workload: workload('web', 'dev') }
    const explanation = explained(shopInput({ path: '/orders', host: 'orders', identity }))
    const isPermitted = ({ rule }: RuleTrace) => rule === 'data.shop.workloads.caller_permitted'
    const permitted = [...rulesIn(explanation.rules)].find(isPermitted)?.bodies ?? []
    expect(failedIn(permitted.at(-1))?.failures).toEqual([
      { why: 'missing', place: { from: 'data.directory.callers.shop.orders.dev' } },
    ])
    const gateway = bodyOf(explanation, 'via_gateway')
    expect(failedIn(gateway)?.failures).toEqual([
      { why: 'missing', place: { from: 'input.attributes.contextExtensions' } },
    ])
  })

  test('a default is told where it is the value', () => {
    const { attributes: _, ...input } = shopInput({ path: '/', host: '' }) as { attributes: object }
    expect(bodyOf(explained(input), 'default method')).toMatchObject({
      kind: 'default',
      head: 'default method := ""',
      held: true,
    })
  })

  test('an input that is no JSON, and a rule that is none, are said', () => {
    expect(errorOf(() => shop.explain(SHOP_ENTRYPOINT, '{"a":')).code).toBe('input_malformed')
    expect(errorOf(() => shop.explain('no/such', '{}')).code).toBe('entrypoint_unknown')
  })
})

test('conditions are told as they are written, whatever characters are before them', async () => {
  const policy = await policyOf('x if { input.a != "ä𝒳"; input.b == "𝒳é"; input.c == 1 }')
  const [rule] = policy.explain('p/x', '{"a": 1, "b": "𝒳é", "c": 2}').rules
  expect(rule?.bodies[0]?.conditions.map(({ text }) => text)).toEqual([
    'input.a != "ä𝒳"',
    'input.b == "𝒳é"',
    'input.c == 1',
  ])
})

test('functions tell their arguments, and where they have no value', async () => {
  const policy = await policyOf(`
x if at_least(input.level, 3)

at_least("none", _) := false

at_least(n, min) if {
	is_number(n)
	n >= min
}`)
  const explanation = policy.explain('p/x', '{"level": 2}')
  expect(failedIn(explanation.rules[0]?.bodies[0])?.failures).toEqual([
    {
      why: 'undefined',
      name: 'data.p.at_least',
      operands: [{ value: '2', from: 'input.level' }, { value: '3' }],
    },
  ])
  const { bodies } = [...rulesIn(explanation.rules)][1] as RuleTrace
  expect(failedIn(bodies[1])).toMatchObject({
    text: 'n >= min',
    failures: [{ operands: [{ value: '2', from: 'input.level' }, { value: '3' }] }],
  })
  // One argument is not what the first of them is for.
  expect(failedIn(bodies[0])?.failures[0]).toMatchObject({ why: 'unequal' })
})

test('what is tried within a comprehension, `every` and `not` is no failure by itself', async () => {
  const policy = await policyOf(`
x if {
	count([r | some r in input.roles; r != "guest"]) > 0
	every r in input.roles { r != "banned" }
	not input.closed
	input.open
}`)
  const explanation = policy.explain('p/x', '{"roles": ["guest", "staff"]}')
  const [body] = explanation.rules[0]?.bodies ?? []
  expect(body?.conditions.map(({ held }) => held)).toEqual([true, true, true, false])
  const banned = policy.explain('p/x', '{"roles": ["banned"]}')
  expect(failedIn(banned.rules[0]?.bodies[0])).toMatchObject({
    text: 'every r in input.roles { r != "banned" }',
  })
  const closed = policy.explain('p/x', '{"roles": ["staff"], "closed": true}')
  expect(failedIn(closed.rules[0]?.bodies[0])?.failures).toEqual([{ why: 'held' }])
})

test('a value that is wide is cut, and a rule that is asked in a loop does not flood', async () => {
  const policy = await policyOf(
    `
x if { some n in numbers.range(1, 3000); f(n) }

f(n) if input.limit < n - 10000

f(n) if input.text == data.text`,
    { text: 'y'.repeat(100_000) },
  )
  const explanation = policy.explain('p/x', JSON.stringify({ limit: 1, text: 'z'.repeat(100_000) }))
  expect(explanation.cut).toBe(true)
  expect(JSON.stringify(explanation.rules).length).toBeLessThan(8_000_000)
  const failure = explanation.rules[0]?.bodies[0]?.conditions.at(-1)?.calls[0]?.bodies[1]
  expect(failedIn(failure)?.failures[0]).toMatchObject({ left: { from: 'input.text' } })
  for (const { value = '' } of rulesIn(explanation.rules)) expect(value.length).toBeLessThan(201)
})

test('a policy that contradicts itself is a fault, which is told', async () => {
  const policy = await policyOf('x := input.a if input.a\n\nx := 2 if input.a')
  const explanation = policy.explain('p/x', '{"a": 1}')
  expect(explanation).toMatchObject({ allowed: false, nearMisses: [] })
  expect(explanation.fault).toContain('must not produce multiple outputs')
})

test('random policies are explained, each by the value that it has', async () => {
  await using scratch = temporaryDirectory()
  const random = randomOf(31)
  const names = Array.from({ length: 8 }, (_, n) => `p${n}`)
  const texts = names.map((name) => [`${name}.rego`, randomPolicy(random, name)])
  writeFiles(scratch.path, Object.fromEntries(texts))
  const entrypoints = names.map((name) => `${name}/answer`)
  const policy = await policyIn(scratch.path, entrypoints)
  let told = 0
  for (const entrypoint of entrypoints) {
    for (let n = 0; n < 3; n++) {
      const { rules, decision, fault } = policy.explain(
        entrypoint,
        JSON.stringify(randomInput(random)),
      )
      if (fault !== undefined) continue
      if (rules.length === 1) expect(rules[0]?.value).toBe(decision)
      for (const { bodies, value, again } of rulesIn(rules)) {
        // What has a value has it by a body that held.
        if (value === undefined || again || EMPTY.has(value)) continue
        expect(
          bodies.some(({ held }) => held),
          entrypoint,
        ).toBe(true)
        told += 1
      }
    }
  }
  expect(told).toBeGreaterThan(20)
})

const EMPTY: ReadonlySet<string> = new Set(['set()', '{}'])
