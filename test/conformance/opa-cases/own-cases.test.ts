import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { beforeAll, expect, test, vi } from 'vitest'
import { BINDINGS, caseModules, GIVEN } from './case-bundle.ts'
import { type Case, readCases } from './case-files.ts'
import { type Exact, isArray, readExact } from './exact-json.ts'
import { askOpa } from './opa-program.ts'
import { queryVariables } from './query-variables.ts'
import { report } from './report.ts'
import { type Judged, runCases } from './run-cases.ts'
import { bindingsText, wantedText } from './wanted.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const OWN_CASES = `${import.meta.dirname}/cases`
const QUESTIONS_AT_ONCE = 2

let opa: string
let cases: readonly Case[]

beforeAll(async () => {
  opa = await opaBinary()
  cases = await readCases(opa, OWN_CASES)
})

test('every case of this folder wants what OPA answers', async () => {
  const variables = await queryVariables(
    opa,
    cases.map(({ query }) => query),
  )
  const differences: string[] = []
  const waiting = cases.values()
  const ask = async () => {
    for (const asked of waiting) {
      const came = await answerOfOpa(asked, variables.get(asked.query) ?? [])
      const wanted = wantedText(asked, came)
      if (came !== wanted) differences.push(`${asked.note}: wants ${wanted}, OPA has ${came}`)
    }
  }
  await Promise.all(Array.from({ length: QUESTIONS_AT_ONCE }, ask))
  expect(differences).toEqual([])
})

test('this engine passes every case of this folder that it does not refuse', async () => {
  const judged = await runCases(opa, cases, () => undefined)
  const known = JSON.parse(readFileSync(`${import.meta.dirname}/known-differences.json`, 'utf8'))
  const { text, unexpected } = report(judged, known)
  expect(unexpected, text).toBe(0)
  const excused = judged.filter(({ outcome }) => outcome.kind !== 'passed')
  expect(excused.map(({ asked }) => asked.note)).toEqual([
    'builtins: one that is refused on purpose',
  ])
})

test('the report counts by folder, and names what failed and was not known', () => {
  const [first, second, third] = cases
  if (first === undefined || second === undefined || third === undefined) throw new Error('no case')
  const failed = { kind: 'failed', reason: 'another result', wanted: '[1]', came: '[2]' } as const
  const judged: readonly Judged[] = [
    { asked: { ...first, file: 'a/1.yaml' }, outcome: failed },
    { asked: { ...second, file: 'a/2.yaml' }, outcome: failed },
    { asked: { ...third, file: 'b/3.yaml' }, outcome: { kind: 'passed' } },
  ]
  const { text, unexpected } = report(judged, { [first.note]: 'because' })
  expect(unexpected).toBe(1)
  expect(text).toContain(`${first.note} (a/1.yaml): another result, known: because\n  wanted [1]`)
  expect(text).toMatch(/^a +0 +2 +0$/m)
  expect(text).toMatch(/^all +1 +2 +0$/m)
  expect(text).toMatch(/^ +2 {2}another result$/m)
})

test('a case that wants another result fails, and tells both', async () => {
  const asked = cases.find(({ note }) => note === 'rules: a complete rule that holds')
  if (asked === undefined) throw new Error('no case')
  const wrong = { ...asked, wantResult: '[{"x": 1}]' }
  const [judged] = await runCases(opa, [wrong], () => undefined)
  expect(judged?.outcome).toEqual({
    kind: 'failed',
    reason: 'another result',
    wanted: '[{"x":1}]',
    came: '[{"x":true}]',
  })
})

test.for([
  ['strict', { isStrict: true }, /strict/],
  ['of a module that OPA refuses', { modules: ['package p\nx := y'] }, /^opa build: .*unsafe/],
  ['with a query that OPA does not parse', { query: 'x = [' }, /query/],
] as const)('a case %s is not applicable', async ([, changes, why]) => {
  const [asked] = cases
  if (asked === undefined) throw new Error('no case')
  const [judged] = await runCases(opa, [{ ...asked, ...changes }], () => undefined)
  const reason = judged?.outcome.kind === 'not applicable' ? judged.outcome.reason : ''
  expect(reason).toMatch(why)
})

test.for([
  ['help', ['--help'], 0, /^npm run conformance/, /^$/],
  ['no folder', [], 2, /^$/, /--cases/],
  ['one that is not there', ['--cases', '/nowhere'], 2, /^$/, /no folder/],
  ['no such case', ['--cases', OWN_CASES, '--only', 'zebra'], 2, /^$/, /zebra/],
  [
    'one case',
    ['--cases', OWN_CASES, '--only', 'a default of false'],
    0,
    /^rules.yaml +1 +0 +0$/m,
    /1 of/,
  ],
] as const)('the command, asked for %s', ([, args, code, printed, told]) => {
  const command = `${import.meta.dirname}/conformance.ts`
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    encoding: 'utf8',
  })
  expect({ status, stdout, stderr }).toEqual({
    status: code,
    stdout: expect.stringMatching(printed),
    stderr: expect.stringMatching(told),
  })
})

async function answerOfOpa(asked: Case, variables: readonly string[]): Promise<string> {
  await using scratch = temporaryDirectory()
  writeFiles(scratch.path, { ...caseModules(asked, variables), 'data.json': asked.data })
  const [bindings, given] = [BINDINGS, GIVEN].map((rule) => `data.${rule.replace('/', '.')}`)
  const query = asked.input === undefined ? bindings : `${bindings} with input as ${given}`
  const { stdout } = await askOpa(opa, ['eval', '--data', '.', '--format', 'json', `${query}`], {
    folder: scratch.path,
  })
  const answer = readExact(stdout)
  const code = at(at(at(answer, 'errors'), 0), 'code')
  if (code !== undefined) return `the error ${String(code)}`
  const value = at(at(at(at(at(answer, 'result'), 0), 'expressions'), 0), 'value')
  return bindingsText(value ?? [], asked)
}

function at(value: Exact | undefined, key: string | number): Exact | undefined {
  if (value instanceof Map) return value.get(String(key))
  return value !== undefined && isArray(value) ? value[Number(key)] : undefined
}
