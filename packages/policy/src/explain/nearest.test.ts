import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { SHOP_ENTRYPOINT, shopInput, user, workload } from '../../test/shop-requests.ts'
import { buildBundle } from '../build.ts'
import { loadPolicy } from '../load.ts'
import type { LoadedPolicy } from '../policy.ts'
import { BODIES, randomOf, requestOf } from '../rule-index/generated-rules.ts'
import { readValue } from '../value/read.ts'
import type { Value } from '../value/value.ts'
import { edited } from './edit.ts'
import { type ExplainablePolicy, explainable } from './explain.ts'
import type { Change, NearMiss } from './explanation.ts'
import { nearMisses } from './nearest.ts'
import { lookUp } from './statements.ts'
import { Wants } from './wants.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
const SHIPPED = resolve(import.meta.dirname, '../../../../policies')

interface Both {
  readonly explains: ExplainablePolicy
  /** The module, which knows nothing of what is explained. */
  readonly decides: LoadedPolicy
}

async function bothIn(sources: string, entrypoint: string): Promise<Both> {
  await using cache = temporaryDirectory()
  const opa = await opaBinary()
  const bundle = await buildBundle({
    opa,
    sources,
    entrypoints: [entrypoint],
    cacheDir: cache.path,
  })
  const { revision } = bundle
  const archive = await readFile(join(cache.path, 'bundles', `${revision}.tar.gz`))
  return { explains: await explainable(archive, revision), decides: await loadPolicy(bundle) }
}

async function bothOf(rego: string, data: object = {}): Promise<Both> {
  await using scratch = temporaryDirectory()
  const files = { 'p.rego': `package p\n\n${rego}\n`, 'data.json': JSON.stringify(data) }
  writeFiles(scratch.path, files)
  return await bothIn(scratch.path, 'p/x')
}

/** `input.a["b c"][0]` in keys. */
function keysOf(place: string): Value[] {
  const keys = place.slice('input'.length).match(/\.\w+|\["(?:[^"\\]|\\.)*"\]|\[\d+\]/g) ?? []
  expect(`input${keys.join('')}`).toBe(place)
  return keys.map((key) => (key.startsWith('.') ? key.slice(1) : JSON.parse(key.slice(1, -1))))
}

/** The inputs that a change speaks of: one for each of its values. */
function inputsWith(input: Value, { place, kind, values }: Change): Value[] {
  const path = keysOf(place)
  const given: readonly (Value | undefined)[] =
    kind === 'lack' ? [undefined] : values.length === 0 ? ['…'] : values.map(readValue)
  return given.map((value) => {
    const changed = edited(input, { path, kind, ...(value !== undefined && { value }) })
    if (changed === undefined) return expect.unreachable(`${place} cannot be changed`)
    return changed
  })
}

/** Applies each near miss, and asks the module whether it is an allow then. */
function expectProved(
  { decides }: Both,
  entrypoint: string,
  json: string,
  told: readonly NearMiss[],
) {
  for (const { changes } of told) {
    let inputs = [readValue(json)]
    for (const change of changes) inputs = inputs.flatMap((input) => inputsWith(input, change))
    for (const input of inputs) {
      const decision = decides.evaluateValue(entrypoint, input)
      const allowed = decision === true || lookUp(decision, 'allowed') === true
      expect(allowed, JSON.stringify(changes)).toBe(true)
    }
  }
}

const text = ({ changes }: NearMiss): string =>
  changes.map(({ place, kind, values }) => [place, kind, ...values].join(' ')).join(' and ')

describe('the shipped policies', () => {
  let shop: Both
  beforeAll(async () => {
    shop = await bothIn(SHIPPED, SHOP_ENTRYPOINT)
  })
  const orders = { path: '/orders/1', host: 'orders.shop' }

  test.for([
    {
      name: 'a role that is missing is named, with each that would do',
      input: shopInput({ ...orders, identity: user(['guest']) }),
      first: 'input.identity.claims.roles contain "admin" "customer" "support"',
    },
    {
      name: 'roles that are not there at all are named',
      input: shopInput({ ...orders, identity: user() }),
      first: 'input.identity.claims.roles be ["admin"] ["customer"] ["support"]',
    },
    {
      name: 'a workload of another namespace would have to be of this one',
      input: shopInput({
        path: '/orders/1',
        host: 'orders',
        identity: { ...user(['customer']), workload: workload('web', 'dev') },
      }),
      first: 'input.identity.workload.namespace be "shop"',
    },
    {
      name: 'an explicit denial ends with another method',
      input: shopInput({
        method: 'POST',
        path: '/foo',
        host: 'foo',
        identity: { status: 'anonymous', workload: workload('tool', 'dev') },
      }),
      first: 'input.attributes.request.http.method be "GET" "HEAD"',
    },
    {
      name: 'whoever is not logged in needs that, and a role',
      input: shopInput(orders),
      first: 'input.identity.status be "verified" and input.identity.claims.roles be ["admin"]',
    },
  ])('$name', ({ input, first }) => {
    const json = JSON.stringify(input)
    const { nearMisses } = shop.explains.explain(SHOP_ENTRYPOINT, json)
    expect(nearMisses.map(text)).toContain(first)
    expectProved(shop, SHOP_ENTRYPOINT, json, nearMisses)
    expect(nearMisses.length).toBeLessThanOrEqual(5)
  })
})

/** What is told first, by rule and input. */
const ROWS: readonly (readonly [rego: string, input: object, first: string | undefined])[] = [
  ['x if input.a == "b"', { a: 'c' }, 'input.a be "b"'],
  ['x if input.a == "b"', {}, 'input.a be "b"'],
  ['x if input.a.b.c == 1', { a: {} }, 'input.a.b.c be 1'],
  ['x if input.a', {}, 'input.a exist'],
  ['x if not input.a', { a: 1 }, 'input.a lack'],
  ['x if input.a != "b"', { a: 'b' }, 'input.a differ'],
  ['x if input.a >= 18', { a: 17 }, 'input.a be 18'],
  ['x if input.a > 18', { a: 17 }, 'input.a be 19'],
  ['x if input.a in {"b", "c"}', { a: 'd' }, 'input.a be "b" "c"'],
  ['x if input.path[0] == "catalog"', { path: ['x', 'y'] }, 'input.path[0] be "catalog"'],
  ['x if input.path == ["a", "b"]', { path: ['a'] }, 'input.path be ["a", "b"]'],
  ['x if startswith(input.a, "/api")', { a: '/' }, 'input.a be "/api"'],
  ['x if lower(input.a) == "b"', { a: 'C' }, 'input.a be "b"'],
  ['x if split(input.a, "/")[1] == "b"', { a: '/c/d' }, 'input.a be "/b/d"'],
  ['x if object.get(input, "a", "") == "b"', {}, 'input.a be "b"'],
  ['x if "b" in {r | some r in input.a}', { a: [] }, 'input.a contain "b"'],
  ['x if data.table[input.a] == 1', { a: 'z' }, 'input.a be "k"'],
  // Of two conditions that fail, each needs its change.
  ['x if { input.a == 1; input.b == 2 }', { a: 0, b: 0 }, 'input.a be 1 and input.b be 2'],
  // The version of the input is no caller's business, so that it comes last.
  ['x if input.version == 2\n\nx if input.b == 2', { version: 1, b: 0 }, 'input.b be 2'],
  // Nothing that the input could be changes that.
  ['x if data.closed == true', { a: 1 }, undefined],
]

test.for(ROWS)('%s of %j: %s', async ([rego, input, first]) => {
  const both = await bothOf(rego, { table: { j: 0, k: 1 }, closed: false })
  const json = JSON.stringify(input)
  const explanation = both.explains.explain('p/x', json)
  expect(explanation.allowed).toBe(false)
  const [nearest] = explanation.nearMisses
  expect(nearest && text(nearest)).toBe(first)
  expectProved(both, 'p/x', json, explanation.nearMisses)
})

test('whatever is told for random rules and requests, the module allows', async () => {
  const random = randomOf(17)
  const names = Object.keys(BODIES)
  const rules = names.flatMap((name) => [0, 1].map(() => `x if {\n\t${BODIES[name]?.(random)}\n}`))
  const helpers = ['http := input.http', 'tenant := input.tenant', 'own(a, b) if a == b']
  const both = await bothOf([...helpers, ...rules].join('\n\n'), { levels: { x: 1, GET: 0 } })
  let told = 0
  for (let n = 0; n < 25; n++) {
    const json = JSON.stringify(requestOf(random))
    const { allowed, nearMisses } = both.explains.explain('p/x', json)
    expect(both.decides.evaluateValue('p/x', readValue(json))).toBe(allowed ? true : undefined)
    expectProved(both, 'p/x', json, nearMisses)
    told += nearMisses.length
  }
  expect(told).toBeGreaterThan(20)
})

describe('the search is bounded', () => {
  /** Each evaluation wants something that is new. */
  function endless(spent: number): number {
    let evaluations = 0
    const wants = () => {
      const made = new Wants()
      for (let n = 0; n < 20; n++) {
        made.be({ document: 'input', path: [`${evaluations}-${n}`] }, n)
        made.exist({ document: 'input', path: [`${evaluations}-${n}`, 'a'] })
      }
      return made
    }
    const told = nearMisses(new Map(), wants(), () => {
      evaluations += 1
      return { allowed: false, wants: wants(), spent }
    })
    expect(told).toEqual([])
    return evaluations
  }

  test('in evaluations', () => {
    expect(endless(0)).toBe(600)
  })

  test('in what they cost together', () => {
    expect(endless(1_000_000)).toBe(8)
    expect(endless(Number.POSITIVE_INFINITY)).toBe(1)
  })

  test('in places, and in what is wanted at each', () => {
    const wants = new Wants()
    for (let n = 0; n < 1_000; n++) {
      wants.be({ document: 'input', path: [n] }, n)
      wants.be({ document: 'input', path: ['a'] }, n)
      // What the data holds is no caller's to change.
      wants.be({ document: 'data', path: ['a', n] }, n)
    }
    expect([...wants]).toHaveLength(256 + 11)
  })
})
