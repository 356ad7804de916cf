import { join } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import fc from 'fast-check'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { buildBundle } from '../build.ts'
import type { Bundle } from '../bundle/bundle.ts'
import { loadPolicy } from '../load.ts'
import type { Policy } from '../policy.ts'
import type { Plan } from './plan.ts'
import type { ReadTree } from './read-tree.ts'
import { readsOf } from './reads.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

type Tree = 'all' | { readonly [key: string]: Tree }

interface Row {
  readonly name: string
  /** The rule `x`, and what else it needs. */
  readonly rego: string
  readonly input: Tree
  readonly data?: Tree
}

const ROWS: readonly Row[] = [
  { name: 'a constant', rego: 'x := 1', input: {} },
  { name: 'the whole input', rego: 'x := input', input: 'all' },
  { name: 'a reference', rego: 'x := input.a.b', input: { a: { b: 'all' } } },
  { name: 'two', rego: 'x if { input.a.b; input.a.c }', input: { a: { b: 'all', c: 'all' } } },
  { name: 'one within the other', rego: 'x := [input.a, input.a.b]', input: { a: 'all' } },
  { name: 'a key with a space', rego: 'x := input["a b"].c', input: { 'a b': { c: 'all' } } },
  { name: 'a key of the input', rego: 'x := input.a[input.b]', input: { a: 'all', b: 'all' } },
  { name: 'an index', rego: 'x := input.a[0].b', input: { a: 'all' } },
  { name: 'members', rego: 'x if input.a[_].b == 1', input: { a: 'all' } },
  { name: 'a variable', rego: 'x if { a := input.a; a.b == 1 }', input: { a: { b: 'all' } } },
  {
    name: 'another use of a variable',
    rego: 'x if { a := input.a; a.b == 1 }\nx if { a := input.c; a == 1 }',
    input: { a: { b: 'all' }, c: 'all' },
  },
  { name: 'a negation', rego: 'x if not input.a.b', input: { a: { b: 'all' } } },
  { name: 'a rule', rego: 'x if y.b == 1\ny := input.a', input: { a: { b: 'all' } } },
  {
    name: 'a rule with two values, which are compared',
    rego: 'x if y.b == 1\ny := input.a if input.c\ny := input.d if input.e',
    input: { a: 'all', c: 'all', d: 'all', e: 'all' },
  },
  {
    name: 'else',
    rego: 'x if y.b == 1\ny := input.a if { input.c } else := input.d',
    input: { a: 'all', c: 'all', d: 'all' },
  },
  {
    name: 'a default',
    rego: 'default x := false\nx if input.a.b == 1',
    input: { a: { b: 'all' } },
  },
  {
    name: 'a function',
    rego: 'x if f(input.a, input.b)\nf(v, w) if { v.c == 1; w == 2 }',
    input: { a: { c: 'all' }, b: 'all' },
  },
  {
    name: 'what a function returns',
    rego: 'x if f(input.a).d == 1\nf(v) := v.c',
    input: { a: { c: { d: 'all' } } },
  },
  { name: 'a built-in', rego: 'x := count(input.a)', input: { a: 'all' } },
  {
    name: 'object.get of a key',
    rego: 'x if object.get(input.a, "b", {}).c == 1',
    input: { a: { b: { c: 'all' } } },
  },
  {
    name: 'object.get of a path',
    rego: 'x := object.get(input, ["a", "b"], input.c)',
    input: { a: { b: 'all' }, c: 'all' },
  },
  {
    name: 'object.get of a path with a variable',
    rego: 'x := object.get(input, ["a", input.b], 1)',
    input: 'all',
  },
  {
    name: 'a partial set',
    rego: 'x if y.b\ny contains v if some v in input.a',
    input: { a: 'all' },
  },
  { name: 'a comprehension', rego: 'x := {k | some k, _ in input.a}', input: { a: 'all' } },
  {
    name: 'every',
    rego: 'x if every v in input.a { v == input.b.c }',
    input: { a: 'all', b: { c: 'all' } },
  },
  {
    name: 'with, on a part',
    rego: 'x if y with input.a.b as input.c\ny if input.a.b == 1',
    input: { a: { b: 'all' }, c: 'all' },
  },
  {
    name: 'with, on the whole',
    rego: 'x if y with input as input.c\ny if input.a.b == 1',
    input: { a: { b: 'all' }, c: { a: { b: 'all' } } },
  },
  { name: 'walk', rego: 'x if walk(input.a, [_, 1])', input: { a: 'all' } },
  {
    name: 'data',
    rego: 'x if data.d.users[input.user].ok',
    input: { user: 'all' },
    data: { d: { users: 'all' } },
  },
  {
    name: 'data by constant keys',
    rego: 'x if data.d.a.b == data.d.c',
    input: {},
    data: { d: { a: { b: 'all' }, c: 'all' } },
  },
  {
    name: 'data by a path of the input, which may be a rule',
    rego: 'x := data.rules[input.a]\n',
    input: { a: 'all', b: 'all' },
    data: { rules: 'all' },
  },
]

let bundle: Bundle
let plan: Plan

beforeAll(async () => {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  const files = ROWS.map(({ rego }, at) => [`p${at}.rego`, `package p${at}\n\n${rego}\n`])
  const rules = 'package rules\n\na := input.a.c\n\nb := input.b\n\nf(v) := v\n'
  writeFiles(sources, {
    ...Object.fromEntries(files),
    'rules.rego': rules,
    'data.json': JSON.stringify({ d: { users: { ann: { ok: true } }, a: { b: 1 }, c: 1 } }),
  })
  bundle = await buildBundle({
    opa: await opaBinary(),
    sources,
    entrypoints: ROWS.map((_, at) => `p${at}/x`),
    cacheDir: scratch.path,
  })
  plan = JSON.parse(Buffer.from(bundle.plan ?? '').toString('utf8')) as Plan
})

describe('an entrypoint reads', () => {
  test.each(ROWS.map((row, at) => ({ ...row, at })))('$name', ({ at, input, data }) => {
    const reads = readsOf(plan, `p${at}/x`)
    expect(plain(reads?.input)).toEqual(input)
    if (data !== undefined) expect(plain(reads?.data)).toEqual(data)
  })
})

test('the built-ins that an entrypoint may call are told', () => {
  const at = ROWS.findIndex(({ name }) => name === 'walk')
  expect(readsOf(plan, `p${at}/x`)?.builtins).toEqual(new Set(['walk']))
})

test('a plan without the entrypoint reads nothing that could be told', () => {
  expect(readsOf(plan, 'p0/y')).toBeUndefined()
})

test('thousands of rules cost thousands of looks, not their square', () => {
  const local = (value: number) => ({ type: 'local', value })
  const text = (value: number) => ({ type: 'string_index', value })
  const truth = { type: 'bool', value: true }
  const bodies = Array.from({ length: 20_000 }, (_, at) => [
    {
      stmts: [
        { type: 'ResetLocalStmt', stmt: { target: 3 } },
        { type: 'DotStmt', stmt: { source: local(0), key: text(at % 2), target: 4 } },
        { type: 'EqualStmt', stmt: { a: local(4), b: text(0) } },
        { type: 'AssignVarOnceStmt', stmt: { source: truth, target: 3 } },
      ],
    },
    {
      stmts: [
        { type: 'IsDefinedStmt', stmt: { source: 3 } },
        { type: 'AssignVarOnceStmt', stmt: { source: local(3), target: 2 } },
      ],
    },
  ])
  const blocks = [...bodies.flat(), { stmts: [{ type: 'ReturnLocalStmt', stmt: { source: 2 } }] }]
  const call = { func: 'f', args: [local(0), local(1)], result: 2 }
  const entry = [
    {
      stmts: [
        { type: 'CallStmt', stmt: call },
        { type: 'ResultSetAddStmt', stmt: { value: 2 } },
      ],
    },
  ]
  const large = {
    static: { strings: [{ value: 'a' }, { value: 'b' }] },
    plans: { plans: [{ name: 'p/x', blocks: entry }] },
    funcs: { funcs: [{ name: 'f', params: [0, 1], return: 2, blocks }] },
  } as Plan
  expect(plain(readsOf(large, 'p/x')?.input)).toEqual({ a: 'all', b: 'all' })
})

test('a statement that is not known may look at everything', () => {
  const reads = readsOf(withUnknownStatement(plan), 'p0/x')
  expect(reads).toMatchObject({ input: 'all', data: 'all' })
})

test('what is not read makes no difference to any answer, also to those remembered', async () => {
  const whole = { ...bundle, plan: Buffer.from(JSON.stringify(withUnknownStatement(plan))) }
  const [pruned, unpruned] = [
    await loadPolicy(bundle),
    await loadPolicy(whole, { memoBytesMax: 0 }),
  ]
  let remembered = 0
  fc.assert(
    fc.property(fc.nat(ROWS.length - 1), input, (at, document) => {
      const entrypoint = `p${at}/x`
      expect(answer(pruned, entrypoint, document)).toEqual(answer(unpruned, entrypoint, document))
      if (pruned.remembered) remembered++
    }),
    { numRuns: 2_000 },
  )
  expect(remembered).toBeGreaterThan(100)
})

/** Documents of the few keys that the rules above look up. */
const input = fc.letrec<{ value: unknown; object: object }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(1, 2, 'ann', 'a', true, false, null),
    fc.array(tie('value'), { maxLength: 2 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'a b', 'user'), tie('value'), {
    maxKeys: 4,
  }),
})).object

function answer(policy: Policy, entrypoint: string, document: object): unknown {
  try {
    return { value: policy.evaluate(entrypoint, document) }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

function withUnknownStatement(known: Plan): Plan {
  const unknown = { stmts: [{ type: 'UnknownStmt', stmt: {} }] }
  const plans = known.plans.plans.map(({ name, blocks }) => ({
    name,
    blocks: [unknown, ...blocks],
  }))
  return { ...known, plans: { plans } }
}

function plain(tree: ReadTree | undefined): unknown {
  if (!(tree instanceof Map)) return tree
  return Object.fromEntries([...tree].map(([key, below]) => [key, plain(below)]))
}
