import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { buildBundle } from '../build.ts'
import { loadPolicy } from '../load.ts'
import type { LabelsReport } from './report.ts'

vi.setConfig({ testTimeout: 60_000 })
const opa = await opaBinary()

/** A policy with labels, and one without, of the same sources. */
async function built(files: Record<string, string>, entrypoints = ['p/x'], ruleIndex = true) {
  await using scratch = temporaryDirectory()
  const sources = `${scratch.path}/policies`
  writeFiles(sources, files)
  const options = { opa, sources, entrypoints, cacheDir: scratch.path, ruleIndex }
  const bundle = await buildBundle(options)
  const plain = await buildBundle({ ...options, labels: false })
  const report: LabelsReport = JSON.parse(Buffer.from(bundle.labels ?? '').toString())
  const [labelled, unlabelled] = await Promise.all([loadPolicy(bundle), loadPolicy(plain)])
  const ask = (input: unknown, entrypoint = 'p/x') => {
    const answer = labelled.evaluate(entrypoint, input)
    expect(answer).toEqual(unlabelled.evaluate(entrypoint, input))
    expect(unlabelled.labels).toEqual([])
    return { answer, labels: labelled.labels }
  }
  return { bundle, plain, report, labelled, ask }
}

/** Rules of the package `p`, each with its own metadata before it. */
const p = (...rules: readonly string[]) => ({ 'p.rego': `package p\n\n${rules.join('\n\n')}\n` })
const titled = (title: string, rule: string) => `# METADATA\n# title: ${title}\n${rule}`

test('the labels of the rules that hold are told, in their order, and only those', async () => {
  const { ask } = await built(
    p(
      titled('one', 'x contains "a" if input.a == 1'),
      titled('two', 'x contains "b" if {\n\tinput.a == 1 # why\n\tinput.b > 2\n}'),
      titled('three', 'x contains "c"'),
      'x contains "d" if input.d',
    ),
  )
  expect(ask({ a: 1, b: 3, d: 1 })).toEqual({
    answer: ['a', 'b', 'c', 'd'],
    labels: ['one', 'two', 'three'],
  })
  expect(ask({ a: 1, b: 2 }).labels).toEqual(['one', 'three'])
  expect(ask({}).labels).toEqual(['three'])
})

test('a rule is named by its id, else by an id among its labels, else by its title', async () => {
  const { report, ask } = await built(
    p(
      '# METADATA\n# title: t\n# custom:\n#   id: c\n# labels:\n#   id: l\nx contains 1',
      '# METADATA\n# title: t\n# labels:\n#   id: 7\nx contains 2',
      '# METADATA\n# title: t\n# custom:\n#   id: {}\nx contains 3',
      '# METADATA\n# description: no name\nx contains 4',
      `# METADATA\n# title: ${'é'.repeat(200)}\nx contains 5`,
    ),
  )
  expect(ask({}).labels).toEqual(['c', '7', 't', `${'é'.repeat(119)}…`])
  expect(report).toMatchObject({ rules: 4, leftAlone: [] })
})

test('a document names all rules of its path, in any file, that have no own name', async () => {
  const { ask } = await built({
    'p.rego': [
      '# METADATA\n# title: the package\npackage p\n',
      '# METADATA\n# scope: document\n# title: all\nx contains 1 if input.a\n',
      'x contains 2 if input.b\n',
      titled('own', 'x contains 3 if input.c'),
      'y := 1\n',
    ].join('\n'),
    'more.rego': 'package p\n\nx contains 4 if { input.d; y }\n',
    'other.rego': 'package p.q\n\nx := 1\n',
    'sub.rego': '# METADATA\n# scope: subpackages\n# title: sub\npackage p.z\n\nx := 1\n',
  })
  expect(ask({ a: 1 }).labels).toEqual(['all'])
  expect(ask({ b: 1, c: 1 }).labels).toEqual(['all', 'own'])
  expect(ask({ d: 1 }).labels).toEqual(['all'])
  expect(ask({}).labels).toEqual([])
})

test('rules of one value are told beside each other, however they are compiled', async () => {
  const forms = [
    'input.b == 1',
    'input.c > 2',
    'startswith(input.d, "x")',
    'not input.e',
    'input.f',
  ]
  const rules = Array.from({ length: 15 }, (_, n) =>
    titled(`r${n}`, `x if {\n\tinput.a == "v${n % 3}"\n\t${forms[n % 5]}\n}`),
  )
  const { ask } = await built(p('default x := false', ...rules))
  expect(ask({ a: 'v1', b: 1, c: 3, d: 'x', e: 1, f: 1 })).toEqual({
    answer: true,
    labels: ['r1', 'r4', 'r7', 'r10'],
  })
  expect(ask({ a: 'v0', c: 3, f: 1 }).labels).toEqual(['r3', 'r6', 'r9'])
  expect(ask({ a: 'v9', b: 1 })).toEqual({ answer: false, labels: [] })
})

test('each value of an else chain tells, and where none is given there is none', async () => {
  const rule =
    'x := 1 if input.a == 1\nelse := input.v if {\n\tinput.a == 2\n}\nelse := "z" if input.a == 3'
  const { ask } = await built(p(titled('chain', rule)))
  for (const a of [1, 3]) expect(ask({ a }).labels).toEqual(['chain'])
  expect(ask({ a: 2, v: false })).toEqual({ answer: false, labels: ['chain'] })
  // The condition holds, and the value is undefined.
  expect(ask({ a: 2 })).toEqual({ answer: undefined, labels: [] })
  expect(ask({ a: 4 })).toEqual({ answer: undefined, labels: [] })
})

test.for([
  { what: 'a function', rule: 'f(n) := n + 1 if n > 1', x: 'x := f(input.a)', held: { a: 2 } },
  { what: 'a function of a constant', rule: 'f(2) := 3', x: 'x := f(input.a)', held: { a: 2 } },
  { what: 'a rule without a body', rule: 'y := input.a', x: 'x := y', held: { a: 0 } },
  { what: 'a rule that is false', rule: 'y := false if input.a', x: 'x := y', held: { a: 1 } },
  { what: 'a rule with a path', rule: 'y.z["w v"] := 1 if input.a', x: 'x := y', held: { a: 1 } },
  { what: 'a rule below not', rule: 'y if input.a', x: 'x if not y', held: { a: 1 } },
  {
    what: 'a rule in a comprehension',
    rule: 'y(n) if n > 3',
    x: 'x := [n | some n in input.a; y(n)]',
    held: { a: [1, 4] },
  },
  {
    what: 'a rule below with',
    rule: 'y if input.b == 5',
    x: 'x if { y with input as {"b": input.a } }',
    held: { a: 5 },
  },
  {
    what: 'a rule with membership and infix',
    rule: 'y contains "a" in input.a if not input.n in input.a',
    x: 'x := y',
    held: { a: ['a'], n: 'b' },
  },
  {
    what: 'a rule of several lines',
    rule:
      'y := {\n\t"else": input.a, # if\n\t"if": {z | some z in input.a}\n' +
      '} if {\n\tcount(input.a) > 1\n}',
    x: 'x := y',
    held: { a: [1, 2] },
  },
  {
    what: 'a rule of several bodies',
    rule: 'y := 1 if { input.a == 1 } { input.b == 1 }',
    x: 'x := y',
    held: { b: 1 },
  },
])('$what tells when it holds', async ({ rule, x, held }) => {
  const { ask, report } = await built(p(titled('label', rule), x))
  expect(ask(held).labels).toEqual(['label'])
  expect(ask({}).labels).toEqual([])
  expect(report).toMatchObject({ names: ['label'], rules: 1, leftAlone: [] })
})

test.for([
  { what: 'a default', rule: 'default x := 1', why: 'it is a default' },
  {
    what: 'an object by a variable',
    rule: 'x[k] := v if some k, v in input.a',
    why: 'a key of its head is no constant',
  },
  {
    what: 'a rule whose conditions OPA puts into another order',
    rule: 'x if {\n\tstartswith(y, "a")\n\ty = input.a\n}',
    why: 'its conditions are not written in the order in which they are asked',
  },
])('$what does not tell, and the report says so', async ({ rule, why }) => {
  const { report, ask } = await built(p(titled('label', rule), titled('other', 'z := 1')))
  expect(ask({ a: 'b' }).labels).toEqual([])
  expect(report).toMatchObject({ rules: 1, leftAlone: [{ file: 'p.rego', line: 5, why }] })
})

test('a file that is not understood does not tell, and the others do', async () => {
  const { report, ask } = await built({
    ...p('import data.q', titled('one', 'x := q.y')),
    'q.rego': `package q\n\n${titled('two', 'y := $"{input.b}"')}\n`,
  })
  expect(ask({ b: 1 })).toEqual({ answer: '1', labels: ['one'] })
  expect(report).toMatchObject({ rules: 1, leftAlone: [{ file: 'q.rego' }] })
})

test('a policy that uses the name of the call is as it was', async () => {
  const { report, ask } = await built(
    p('verdict_held(a, b) := a', titled('one', 'x := verdict_held(1, 2)')),
  )
  expect(ask({})).toEqual({ answer: 1, labels: [] })
  expect(report).toMatchObject({
    rules: 0,
    leftAlone: [{ why: expect.stringContaining('`p.rego`') }],
  })
})

test('metadata that a rule reads of itself stays what it is', async () => {
  const { ask } = await built(p(titled('one', 'x := rego.metadata.rule().title if input.a')))
  expect(ask({ a: 1 })).toEqual({ answer: 'one', labels: ['one'] })
})

test('files in folders, and lines that end as on Windows, are labelled as others are', async () => {
  const lines = ['package q', '', '# METADATA', '# title: one', 'y if {', '  input.a', '}', '']
  const { ask, report } = await built({
    ...p('import data.q', 'x := q.y'),
    'some folder/q.rego': lines.join('\r\n'),
    'p_test.rego': `package p_test\n\n${titled('of a test', 'test_x if true')}\n`,
  })
  expect(ask({ a: 1 })).toEqual({ answer: true, labels: ['one'] })
  expect(report).toEqual({ names: ['one'], rules: 1, leftAlone: [] })
})

test('a bundle has the plan of the rules as they are written, and that of its module', async () => {
  const { bundle, plain } = await built(p(titled('one', 'x := 1')))
  const [written, ofModule] = [bundle.sourcePlan, bundle.plan].map((plan) =>
    Buffer.from(plan ?? '').toString(),
  )
  expect(written).not.toContain('verdict_held')
  expect(ofModule).toContain('verdict_held')
  expect(written).toBe(Buffer.from(plain.plan ?? '').toString())
  expect(plain).not.toHaveProperty('sourcePlan')
})

test('rules in tables come with the plan of the rules as they are written too', async () => {
  const rules = Array.from({ length: 12 }, (_, n) => titled(`${n}`, `x if input.a == "v${n}"`))
  const { bundle } = await built(p(...rules))
  const { plain } = await built(p(...rules), ['p/x'], false)
  expect(Buffer.from(bundle.plan ?? '').toString()).toContain('verdict_index')
  expect(Buffer.from(bundle.sourcePlan ?? '')).toEqual(Buffer.from(plain.plan ?? ''))
})

test('at most sixteen are told, the first of the policy', async () => {
  const rules = Array.from({ length: 20 }, (_, n) =>
    titled(`r${n}`, `x contains ${n} if input.a >= ${n}`),
  )
  const { ask } = await built(p(...rules))
  expect(ask({ a: 20 }).labels).toEqual(Array.from({ length: 16 }, (_, n) => `r${n}`))
})

test('the labels are a part of what is remembered, and what is read stays the same', async () => {
  const { labelled } = await built(
    p(titled('http', 'http := input.http'), titled('yes', 'x if http.method == "GET"'), 'y := 1'),
    ['p/x', 'p/y'],
  )
  labelled.evaluate('p/x', { http: { method: 'GET', id: 1 } })
  const [labels, inputText] = [labelled.labels, labelled.inputText]
  expect([labels, inputText]).toEqual([['http', 'yes'], '{"http":{"method":"GET"}}'])
  labelled.evaluate('p/y', {})
  expect([labelled.labels, labelled.inputText]).toEqual([[], '{}'])
  labelled.evaluate('p/x', { http: { method: 'GET', id: 2 } })
  expect(labelled.remembered).toBe(true)
  expect([labelled.labels, labelled.inputText]).toEqual([labels, inputText])
})

test('a fault has no labels', async () => {
  const { labelled } = await built(p(titled('one', 'x := 1'), titled('two', 'x := 2 if input.a')))
  labelled.evaluate('p/x', {})
  expect(labelled.labels).toEqual(['one'])
  expect(() => labelled.evaluate('p/x', { a: 1 })).toThrow()
  expect(labelled.labels).toEqual([])
})
