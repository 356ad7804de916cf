import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { buildBundle } from '../build.ts'
import { loadPolicy } from '../load.ts'
import { FAMILY_RULES_MIN } from './family.ts'
import { type RuleIndexReport, withoutTables } from './report.ts'

vi.setConfig({ testTimeout: 60_000 })
const opa = await opaBinary()

const MANY = 12
const rules = (rule: (n: number) => string, count = MANY): string =>
  Array.from({ length: count }, (_, n) => rule(n)).join('\n')
const SIMPLE = rules((n) => `x if input.a == "v${n}"`)
const ASKED = { a: 'v3', b: 'v3' }

async function indexed(files: Record<string, string>): Promise<RuleIndexReport> {
  return (await built(files)).report
}

async function built(files: Record<string, string>) {
  await using scratch = temporaryDirectory()
  const sources = `${scratch.path}/policies`
  writeFiles(sources, files)
  const options = { opa, sources, entrypoints: ['p/x'], cacheDir: scratch.path }
  const bundle = await buildBundle(options)
  const plain = await loadPolicy(await buildBundle({ ...options, ruleIndex: false }))
  const policy = await loadPolicy(bundle)
  const report: RuleIndexReport = JSON.parse(Buffer.from(bundle.ruleIndex ?? '').toString())
  expect(policy.evaluate('p/x', ASKED)).toEqual(plain.evaluate('p/x', ASKED))
  expect(policy.evaluate('p/x', {})).toEqual(plain.evaluate('p/x', {}))
  return { report, data: JSON.parse(Buffer.from(bundle.data).toString()) }
}

test.for([
  { what: 'too few rules', rego: rules((n) => `x if input.a == "v${n}"`, FAMILY_RULES_MIN - 1) },
  {
    what: 'rules with an else',
    rego: rules((n) => `x if input.a == "v${n}" else := 2 if input.b == "v${n}"`, MANY),
    why: 'it has an `else`',
  },
  {
    what: 'rules that replace the input',
    rego: `y if input.b\n${rules((n) => `x if { input.a == "v${n}"; y with input.b as "v${n}" }`)}`,
    why: 'it uses `with`',
  },
  {
    what: 'functions of a constant',
    rego: `x := f(input.a)\n${rules((n) => `f("v${n}") := ${n}`)}`,
    why: 'a parameter of it is a constant',
  },
  {
    what: 'rules with a path for a name',
    rego: rules((n) => `x.k if input.a == "v${n}"`),
    why: 'the name of its head is a path',
  },
  {
    what: 'objects by rules',
    rego: rules((n) => `x[k] := "v${n}" if { input.a == "v${n}"; k := input.b }`),
    why: 'the name of its head is a path',
  },
  {
    what: 'rules that differ where nothing is looked up',
    rego: rules((n) => `x if not input.a == "v${n}"`),
    why: 'no condition looks up a string that differs between them',
  },
  {
    what: 'numbers',
    rego: rules((n) => `x if input.a == ${n}`),
    why: 'no condition looks up a string that differs between them',
  },
  {
    what: 'rules that a lookup does not tell apart',
    rego: rules((n) => `x if { input.a == "v${n % 2}"; input.b != "v${n}" }`),
    why: '6 of them are still to be asked after a lookup',
  },
  {
    what: 'rules whose inputs differ',
    rego: rules((n) => `x if input["a${n}"] == "v${n}"`),
    why: 'they are too few',
  },
])('$what are left alone', async ({ rego, why }) => {
  const report = await indexed({ 'p.rego': `package p\n\n${rego}\n` })
  expect(report.indexed).toBe(0)
  expect(report.families.map((family) => family.why)).toEqual(
    why === undefined ? [] : expect.arrayContaining([why]),
  )
  expect(report.families.every(({ table }) => table === undefined)).toBe(true)
})

test.for([
  { what: 'imports all data', rego: 'import data\n\ny := 1', why: 'p.rego:3 reads all data' },
  { what: 'names the tables', rego: 'y := data.verdict_index.t0', why: '`p.rego` uses the name' },
  { what: 'reads metadata', rego: 'y := rego.metadata.rule()', why: 'p.rego:3 reads metadata' },
  {
    what: 'has a function of its own in the place of a built-in',
    rego: 'substring(a, b, c) := a',
    why: 'p.rego:3 gives `substring` another',
  },
  {
    what: 'imports what a built-in is called',
    rego: 'import data.q.strings',
    why: 'p.rego:3 gives `strings` another',
  },
  {
    what: 'has a rule that a built-in is called',
    rego: 'default strings := 1',
    why: 'p.rego:3 gives `strings` another',
  },
  {
    what: 'has a variable that a built-in is called',
    rego: 'y := substring if some substring in input.b',
    why: 'p.rego:3 gives `substring`',
  },
])('a policy that $what is left alone as a whole', async ({ rego, why }) => {
  const simple = rules((n) => `x := 7 if input.a == "v${n}"`)
  const report = await indexed({ 'p.rego': `package p\n\n${rego}\n\n${simple}\n` })
  expect(report.indexed).toBe(0)
  expect(report.leftAlone.map((each) => each.why)).toEqual([expect.stringContaining(why)])
})

test('a file that is not understood is left alone, and the others are not', async () => {
  const report = await indexed({
    'p.rego': `package p\n\n${SIMPLE}\n`,
    'q.rego': 'package q\n\ny := $"{input.b} and more"\n',
  })
  expect(report).toMatchObject({ indexed: MANY, leftAlone: [{ file: 'q.rego' }] })
  const doubtful = await indexed({
    'p.rego': `package p\n\n${SIMPLE}\n`,
    'q.rego': 'package q\n\nimport data\n\ny := $"{input.b} and more"\n',
  })
  expect(doubtful).toMatchObject({ indexed: 0, leftAlone: [{ file: 'q.rego' }, {}] })
})

test('what a table came from is told, and what a document about all rules says stays', async () => {
  const { report, data } = await built({
    'data.json': '{"mine": 1}',
    'p.rego': [
      'package p\n',
      '# METADATA\n# scope: document\n# title: all of them\nx if input.a == "v0"\n',
      ...Array.from(
        { length: MANY },
        (_, n) => `# METADATA\n# title: ${n}\nx if input.a == "v${n}"\n`,
      ),
    ].join('\n'),
    'p_test.rego': 'package p_test\n\nimport data.p\n\ntest_x if p.x with input as {"a": "v1"}\n',
  })
  expect(report).toEqual({
    rules: MANY + 1,
    indexed: MANY,
    leftAlone: [],
    families: [
      {
        file: 'p.rego',
        line: 10,
        rule: 'x',
        rules: MANY,
        // The number of the label.
        table: { name: 't0', by: ['equal input["a"]'], columns: 1, rowsTogetherMax: 1 },
      },
    ],
  })
  expect(data.mine).toBe(1)
  expect(data.verdict_index.t0).toMatchObject({ v0: [1, 10], v1: [2, 14], v11: [12, 54] })
})

test('where OPA does not compile the tables, the report has none', () => {
  const families = [
    { file: 'p.rego', line: 1, rule: 'x', rules: 8, why: 'it uses `with`' },
    {
      file: 'p.rego',
      line: 9,
      rule: 'y',
      rules: 8,
      table: { name: 't0', by: ['equal input["a"]'], columns: 0, rowsTogetherMax: 1 },
    },
  ]
  const report = { rules: 16, indexed: 8, families, leftAlone: [] }
  expect(withoutTables(report, 'rego_type_error')).toEqual({
    rules: 16,
    indexed: 0,
    families: [
      families[0],
      { file: 'p.rego', line: 9, rule: 'y', rules: 8, why: 'its table does not compile' },
    ],
    leftAlone: [{ why: 'rego_type_error' }],
  })
})
