import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { buildBundle } from '../build.ts'
import { loadPolicy } from '../load.ts'
import type { RuleIndexReport } from '../rule-index/report.ts'
import { Decimal, type Value } from '../value/value.ts'
import { withoutForm } from './faster-forms.ts'
import type { DispatchReport } from './report.ts'

vi.setConfig({ testTimeout: 60_000 })
const opa = await opaBinary()

const MANY = 12
const INPUTS = [
  {},
  { a: 'v3', b: 'v3' },
  { a: 'v4' },
  { a: 'v1', b: 1 },
  { a: 3 },
  'x',
  3,
  null,
  [],
]

/** Rules of a form each, by what they begin with. */
const irregular = (rule: (n: number) => string, count = MANY): string =>
  Array.from({ length: count }, (_, n) => `${rule(n)} # ${n}`).join('\n')
const own = (n: number): string => `not input.c${n}`
const SIMPLE = irregular((n) => `x if { input.a == "v${n}"; ${own(n)} }`)

async function dispatchOf(
  files: Record<string, string> | string,
): Promise<Partial<DispatchReport> & { whole: RuleIndexReport }> {
  await using scratch = temporaryDirectory()
  const sources = `${scratch.path}/policies`
  const written = typeof files === 'string' ? { 'p.rego': `package p\n\n${files}\n` } : files
  writeFiles(sources, written)
  const options = { opa, sources, entrypoints: ['p/x'], cacheDir: scratch.path }
  const bundle = await buildBundle(options)
  const plain = await loadPolicy(await buildBundle({ ...options, ruleIndex: false }))
  const policy = await loadPolicy(bundle)
  // OPA's modules overwrite memory where `with` sets a part of an input that is no object.
  const inputs = JSON.stringify(files).includes(' with ') ? INPUTS.slice(0, 5) : INPUTS
  for (const input of inputs) {
    expect(policy.evaluate('p/x', input)).toEqual(plain.evaluate('p/x', input))
  }
  const whole: RuleIndexReport = JSON.parse(Buffer.from(bundle.ruleIndex ?? '').toString())
  return { ...whole.dispatch, whole }
}

test('rules by one string are told, and those that go on in turn', async () => {
  const others = irregular((n) => `x if { count(input.b) == ${n}; ${own(n)} }`)
  const { dispatched, chained, groups } = await dispatchOf(`${SIMPLE}\n${others}`)
  expect({ dispatched, chained }).toEqual({ dispatched: MANY, chained: MANY })
  expect(groups).toEqual([
    {
      file: 'p.rego',
      line: 3,
      rule: 'x',
      rules: 2 * MANY,
      tables: [{ by: 'input["a"]', rules: MANY, keys: MANY, rulesTogetherMax: 1 }],
      chained: MANY,
      leftAlone: [],
    },
  ])
})

test('rules in several files of a package are looked up together', async () => {
  const files = Object.fromEntries(
    Array.from({ length: MANY }, (_, n) => [
      `tenants/v${n}.rego`,
      `package p\n\nimport data.of${n}.limit\n\nx := limit if { input.a == "v${n}"; mine }\n`,
    ]),
  )
  const lib = Array.from({ length: MANY }, (_, n): [string, string] => [
    `of${n}.rego`,
    `package of${n}\n\nlimit := ${n}\n`,
  ])
  const shared = 'package p\n\nmine if not input.b == 1\n'
  const { groups } = await dispatchOf({ ...files, ...Object.fromEntries(lib), 's.rego': shared })
  expect(groups?.[0]).toMatchObject({ rules: MANY, tables: [{ rules: MANY, keys: MANY }] })
})

test('a file that is not read is asked for its names', async () => {
  const other = 'package p\n\nmine := $"{input.b}"\n'
  const rules = irregular((n) => `x if { input.a == "v${n}"; ${own(n)}; mine == "v${n}" }`)
  const { dispatched, whole } = await dispatchOf({
    'p.rego': `package p\n\n${rules}\n`,
    'q.rego': other,
  })
  expect(whole.leftAlone).toMatchObject([{ file: 'q.rego' }])
  expect(dispatched).toBe(MANY)
})

test.for([
  {
    what: 'functions',
    rego: `x := f(input.b)\n${irregular((n) => `f(y) if { input.a == "v${n}"; y != ${n}; ${own(n)} }`)}`,
    why: 'it is a function',
  },
  {
    what: 'rules with a path for a name',
    rego: irregular((n) => `x.k if { input.a == "v${n}"; ${own(n)} }`),
    why: 'the name of its head is a path',
  },
  {
    what: 'objects by rules',
    rego: irregular((n) => `x["k${n}"] := 1 if { input.a == "v${n}"; ${own(n)} }`),
    why: 'the name of its head is a path',
  },
  {
    what: 'rules that one string leads to',
    rego: irregular((n) => `x := input.b if { input.a == "v3"; ${own(n)} }`),
    why: 'no test splits them, and they are too few of one constant value',
  },
  {
    what: 'rules that test under another input, or not',
    rego: irregular(
      (n) => `x := input.b if { input.a == "v${n}" with input.a as "v1"; ${own(n)} }`,
    ),
    why: 'no test splits them, and they are too few of one constant value',
  },
  {
    what: 'rules with a branch that does not test it',
    rego: irregular(
      (n) => `x := 1 if input.a == "v${n}" else := 1 if { input.b == "v3"; ${own(n)} }`,
    ),
    why: 'no test splits them, and they are too few of one constant value',
  },
  {
    what: 'rules whose names are imported too',
    rego: `import data.q.y\n\ny := 1\n\n${SIMPLE}`,
    why: '`y` is imported, and a rule of its package',
  },
])('$what are left alone', async ({ rego, why }) => {
  const { dispatched, chained, groups } = await dispatchOf(rego)
  expect({ dispatched, chained }).toEqual({ dispatched: 0, chained: 0 })
  expect(groups?.map(({ leftAlone }) => leftAlone)).toEqual([[{ rules: MANY, why }]])
})

test('integers are looked up by whatever text a number has', async () => {
  await using scratch = temporaryDirectory()
  const sources = `${scratch.path}/policies`
  const rules = irregular((n) => `x contains ${n} if { input.a == ${n}; ${own(n)} }`)
  const some = irregular((n) => `x contains "${n}" if { input.a in {${n}, 1${n}}; ${own(n)} }`)
  writeFiles(sources, { 'p.rego': `package p\n\n${rules}\n${some}\n` })
  const options = { opa, sources, entrypoints: ['p/x'], cacheDir: scratch.path }
  const bundle = await buildBundle(options)
  const { dispatch }: RuleIndexReport = JSON.parse(Buffer.from(bundle.ruleIndex ?? '').toString())
  expect(dispatch?.groups[0]?.tables[0]).toMatchObject({
    by: 'format_int(input["a"], 10)',
    rules: 2 * MANY,
  })
  const policy = await loadPolicy(bundle)
  const plain = await loadPolicy(await buildBundle({ ...options, ruleIndex: false }))
  const texts =
    '3 3.0 3.00 30e-1 0.3e1 3.5 -3 0 -0 0.0 1e1 1.1e1 2.9999999999999999999 1e400'.split(' ')
  const values: Value[] = [...texts.map((text) => new Decimal(text)), 3, '3', true, null, [3]]
  for (const value of values) {
    const input: Value = new Map([['a', value]])
    const answer = policy.evaluateValue('p/x', input)
    expect({ value, answer }).toEqual({ value, answer: plain.evaluateValue('p/x', input) })
  }
  const sizes = [3, 10, 3.5].map((a) => (policy.evaluate('p/x', { a }) as unknown[]).length)
  expect(sizes).toEqual([2, 3, 0])
})

test.for([
  { what: 'a built-in', rego: 'y if lower("A") == "b" with lower as id\n\nid(z) := z' },
  { what: 'data', rego: 'y if data.z with data.z as true' },
])('a policy that puts something in the place of $what is left alone', async ({ rego }) => {
  const { groups, leftAlone } = await dispatchOf(`${rego}\n\n${SIMPLE}`)
  expect(groups).toEqual([])
  expect(leftAlone).toEqual([{ why: 'p.rego:3 uses `with` on more than the input' }])
})

test('a policy that has another `format_int` is left alone', async () => {
  const { groups, leftAlone } = await dispatchOf(`format_int(a, b) := a - b\n\n${SIMPLE}`)
  expect(groups).toEqual([])
  expect(leftAlone).toEqual([{ why: '`p.rego` gives `format_int` another meaning' }])
})

test('rules that tell a label are dispatched, and stay out of chains', async () => {
  const labelled = irregular((n) => `x if { count(input.b) == ${n}; ${own(n)} }`).replaceAll(
    /^x/gm,
    '# METADATA\n# title: one of them\nx',
  )
  const { dispatched, chained, groups } = await dispatchOf(`${SIMPLE}\n${labelled}`)
  expect({ dispatched, chained }).toEqual({ dispatched: MANY, chained: 0 })
  expect(groups?.[0]?.leftAlone).toMatchObject([{ rules: MANY }])
})

test('where OPA does not compile it, the report has none of it', () => {
  const table = { by: 'input["a"]', rules: 8, keys: 8, rulesTogetherMax: 1 }
  const group = { file: 'p.rego', line: 1, rule: 'x', rules: 9, tables: [table], chained: 0 }
  const dispatch = {
    dispatched: 8,
    chained: 0,
    groups: [{ ...group, leftAlone: [] }],
    leftAlone: [],
  }
  const report = { rules: 9, indexed: 0, families: [], leftAlone: [], dispatch }
  expect(withoutForm('dispatched', report, 'rego_type_error').dispatch).toEqual({
    dispatched: 0,
    chained: 0,
    groups: [
      {
        ...group,
        tables: [],
        leftAlone: [{ rules: 9, why: 'what was made of them does not compile' }],
      },
    ],
    leftAlone: [{ why: 'rego_type_error' }],
  })
})
