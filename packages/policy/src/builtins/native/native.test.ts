import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { opaBinary } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { BudgetSpent, RunningEvaluation } from '../../evaluation.ts'
import { WAITING } from '../../fetch/calls.ts'
import { objectOf, setOf } from '../../value/compare.ts'
import { Decimal, type Value } from '../../value/value.ts'
import type { Evaluation } from '../builtin.ts'
import { callsOf, differencesFrom } from '../calls-under-test.ts'
import { HOST_BUILTINS } from '../registry.ts'
import { randomCalls } from './random-calls-under-test.ts'
import { NATIVE_BUILTINS } from './registry.ts'

vi.setConfig({ testTimeout: 120_000 })

const run = promisify(execFile)

test.for([
  'aggregates',
  'arithmetic',
  'arrays',
  'bits',
  'comparison',
  'encoding',
  'glob',
  'graph',
  'net',
  'numbers',
  'objects',
  'regex',
  'sets',
  'strings',
  'types',
])('OPA and what interprets its plans agree on %s', async (family) => {
  expect(await differencesFrom(NATIVE_BUILTINS, callsOf(`native/${family}`))).toEqual([])
})

test.for([...randomCalls()])(
  'OPA and what interprets its plans agree on any %s',
  async ([, calls]) => {
    expect(await differencesFrom(NATIVE_BUILTINS, calls)).toEqual([])
  },
)

const FREE = { spend: () => undefined } as unknown as Evaluation

function answer(name: string, ...operands: Value[]): Value | undefined {
  return NATIVE_BUILTINS[name]?.(FREE, ...operands)
}

test.each([
  ['+5', 5],
  ['007', 7],
  ['-00.50', new Decimal('-0.50')],
  ['.5', 0.5],
  ['5.', 5],
  ['-.5e1', new Decimal('-0.5e1')],
  ['1_000', 1_000],
  ['0x1p4', 16],
  ['-0x_1.8P-1', -0.75],
])('of `%s`, which OPA takes as it is, to_number makes a number that JSON has', (text, number) => {
  expect(answer('to_number', text)).toEqual(number)
})

test('what is cut out of the middle of a character is no character', () => {
  expect(answer('replace', 'aé', '', '-')).toBe('-a-\ufffd-\ufffd-')
  expect(answer('base64.decode', '4pw=')).toBe('\ufffd\ufffd')
})

test('JSON that nests deeper than the stack is no malformed JSON', () => {
  const deep = '['.repeat(9_000) + ']'.repeat(9_000)
  expect(answer('json.is_valid', deep)).toBe(true)
  expect(answer('json.is_valid', `${deep}]`)).toBe(false)
  expect(() => answer('json.unmarshal', deep)).toThrow(RangeError)
})

test('a template of several values ends the evaluation', () => {
  expect(() => answer('internal.template_string', [new Set([1, 2])])).toThrow(/several/)
  expect(() => answer('internal.template_string', [[1]])).toThrow(/no plain value/)
})

/** Built-ins of OPA that nothing here answers. */
const UNANSWERED: Readonly<Record<string, string>> = {
  assign: 'compiled into statements',
  eq: 'compiled into statements',
  print: 'compiled into `internal.print`',
  'rego.metadata.chain': 'compiled into a constant',
  'rego.metadata.rule': 'compiled into a constant',
  'internal.test_case': 'for `opa test` alone, which OPA runs itself',
  'rego.parse_module': 'refused: a policy that reads policies needs the compiler',
}

test('every built-in of OPA is answered by the host, by a module, or by name not at all', async () => {
  const { stdout } = await run(await opaBinary(), ['capabilities', '--current'])
  const names: string[] = JSON.parse(stdout).builtins.map(({ name }: { name: string }) => name)
  const answered = new Set([
    ...Object.keys(HOST_BUILTINS),
    ...Object.keys(NATIVE_BUILTINS),
    ...WAITING,
  ])
  expect(names.filter((name) => !answered.has(name)).sort()).toEqual(Object.keys(UNANSWERED).sort())
  expect([...answered].filter((name) => !names.includes(name))).toEqual([])
})

test('each native built-in has cases', () => {
  const families = ['aggregates', 'arithmetic', 'arrays', 'bits', 'comparison', 'encoding']
  const others = ['glob', 'graph', 'net', 'numbers', 'objects', 'regex', 'sets', 'strings', 'types']
  const calls = [...families, ...others].flatMap((family) => callsOf(`native/${family}`))
  const counts = Object.keys(NATIVE_BUILTINS).map(
    (name) => [name, calls.filter((call) => call.startsWith(`${name}(`)).length] as const,
  )
  expect(counts.filter(([, count]) => count < 8)).toEqual([])
})

const LONG = 'ab'.repeat(50_000)
const MANY = Array.from({ length: 100_000 }, (_, at) => at)
const LARGE = 10n ** 30_000n

/** What would cost more than it may: its name, and its operands. */
const HOSTILE: readonly (readonly [name: string, ...operands: Value[]])[] = [
  ['numbers.range', 0, 1_000_000_000_000],
  ['bits.lsh', 1, 1_000_000_000],
  ['product', Array.from({ length: 100 }, () => LARGE)],
  ['mul', LARGE ** 5n, LARGE],
  ['replace', LONG, '', LONG],
  ['strings.replace_n', objectOf([['a', LONG]]), LONG],
  ['concat', LONG, Array.from({ length: 100 }, () => 'a')],
  ['regex.match', '(a|b)*c', LONG],
  ['regex.find_all_string_submatch_n', '((((a))))', LONG, -1],
  ['glob.match', '*a*b*c', null, LONG],
  ['sort', MANY],
  ['walk', MANY],
  ['graph.reachable', objectOf(MANY.map((at) => [at, [at + 1]])), [0]],
  ['object.union_n', Array.from({ length: 20 }, () => objectOf(MANY.map((at) => [at, at])))],
  ['union', setOf(Array.from({ length: 20 }, (_, first) => new Set([first, ...MANY.slice(20)])))],
  ['json.unmarshal', `"${LONG.repeat(2)}"`],
  ['json.filter', objectOf([['a', MANY]]), new Set(['a/1'])],
]

test.for(HOSTILE)('%s ends an evaluation that it would cost too much', ([name, ...operands]) => {
  const evaluation = new RunningEvaluation({ value: 1_000_000 }, {})
  expect(() => NATIVE_BUILTINS[name]?.(evaluation, ...operands)).toThrow(BudgetSpent)
})
