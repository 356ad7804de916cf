import * as sdk from '@open-policy-agent/opa-wasm'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { anyValue } from '../test/any-value.ts'
import { answersOfBoth, bundleOf, errorOf, policyOf } from '../test/policy-under-test.ts'
import { PRINTED_LINES_MAX } from './evaluation.ts'
import { equal } from './value/compare.ts'
import { readValue } from './value/read.ts'
import { writeValue } from './value/write.ts'

vi.setConfig({ testTimeout: 60_000 })

const EXPRESSIONS = [
  'input',
  '{1, 2, "a", {"b"}, set()}',
  '{{1: "one", [2]: {3}, null: {}}}',
  'input.integer',
  'input.integer + 1',
  'input.large',
  'input.fraction',
  '[input.text, upper(input.text)]',
  'sprintf("%v %d %s", [input.set, input.integer, input.text])',
  'sprintf("%v", [[input.text, {input.text}]])',
  'indexof_n(input.text, "e")',
  'strings.count(input.text, input.integer)',
  'strings.count(input.missing, "a")',
  'units.parse("no unit")',
  'object.subset({"a": {"b"}}, {"a": {"b"}})',
  'object.subset(input, input)',
  'count({now | some _ in numbers.range(1, 9); now := time.now_ns()})',
  'count({id | some name in ["a", "b", "a"]; id := uuid.rfc4122(name)})',
  '[x | some x in [input.set]; sprintf("%d", [x]) == "1"]',
  'count([1 | not units.parse(input.text)])',
  'json.marshal(input.control)',
  'input.control',
]
const INPUT = readValue(
  String.raw`{"integer":9007199254740993,"large":123456789012345678901234567890,"fraction":1.10,
  "text":"h\u00e9\"llo 😀","set":[1,2],"control":"\u0000\u0001\u007f\n"}`,
)

test('a module in this engine answers what OPA answers', async () => {
  const { opa, ours } = await answersOfBoth(EXPRESSIONS, INPUT)
  expect(ours).toEqual(opa)
})

test('values cross into a module and back without loss', async () => {
  const policy = await policyOf('x := input\n')
  fc.assert(
    fc.property(anyValue, (value) => {
      const answer = policy.evaluateValue('p/x', value)
      expect(answer !== undefined && equal(answer, value)).toBe(true)
      expect(writeValue(answer ?? null)).toBe(writeValue(value))
    }),
  )
})

test('operands and results of built-ins cross without loss', async () => {
  const policy = await policyOf('x := object.union(input, opa.runtime())\n')
  fc.assert(
    fc.property(fc.string(), anyValue, (key, value) => {
      const runtime = new Map([[key, value]])
      const answer = policy.evaluateValue('p/x', new Map(), { runtime })
      expect(writeValue(answer ?? null)).toBe(writeValue(runtime))
    }),
  )
})

test('falsy inputs are inputs, and no input is none', async () => {
  const policy = await policyOf('x := [input]\n\ny if not input\n', ['p/x', 'p/y'])
  for (const input of [false, 0, '', null, [], {}]) {
    expect(policy.evaluate('p/x', input)).toEqual([input])
  }
  expect(policy.evaluate('p/x')).toBeUndefined()
  expect(policy.evaluate('p/y')).toBe(true)
})

test('sets are arrays to `evaluate`, and integers beyond 2^53 are whole to `evaluateValue`', async () => {
  const policy = await policyOf('x := {{"b"}, 9007199254740993}\n')
  expect(policy.evaluate('p/x')).toEqual([9007199254740992, ['b']])
  expect(policy.evaluateValue('p/x')).toEqual(new Set([9007199254740993n, new Set(['b'])]))
})

test('what an evaluation reads of the clock is one time, and can be given', async () => {
  const policy = await policyOf('x := [time.now_ns() | some _ in numbers.range(1, 50)]\n')
  const times = new Set(policy.evaluate('p/x') as number[])
  expect(times.size).toBe(1)
  expect(policy.evaluate('p/x', {}, { nowNs: 1_700_000_000_000_000_000n })).toContain(1.7e18)
})

test('what a policy prints is dropped unless it is asked for, and then bounded', async () => {
  const policy = await policyOf(
    'x := count([n | some n in numbers.range(1, 2000); trace(input)])\n',
  )
  expect(policy.evaluate('p/x', 'a')).toBe(2_000)
  const lines: string[] = []
  policy.evaluate('p/x', 'b', { print: (line) => lines.push(line) })
  expect(lines).toEqual(Array.from({ length: PRINTED_LINES_MAX }, () => 'b'))
})

test('the same evaluation costs the same, and one that may cost less ends', async () => {
  const policy = await policyOf('x := count([n | some n in numbers.range(1, input)])\n')
  policy.evaluate('p/x', 100)
  const { spent } = policy
  expect(spent).toBeGreaterThan(100)
  policy.evaluate('p/x', 1_000)
  expect(policy.spent).toBeGreaterThan(5 * spent)
  policy.evaluate('p/x', 100, { unitsMax: spent })
  expect(policy.spent).toBe(spent)
  const error = errorOf(() => policy.evaluate('p/x', 100, { unitsMax: spent - 1 }))
  expect(error).toMatchObject({ code: 'budget_exhausted' })
  expect(policy.spent).toBe(spent - 1)
})

test('a policy is warmed up by what another one was asked, whatever it says to it', async () => {
  const policy = await policyOf('x := input.a / input.b\n\ny := 1\n', ['p/x', 'p/y'])
  expect(policy.evaluate('p/x', { a: 1, b: 0 })).toBeUndefined()
  expect(policy.evaluate('p/x', { a: 1, b: 2 })).toBe(0.5)
  const next = await policyOf('x := input.a - input.b\n\nx := 7\n')
  next.warmUp(policy.lastInputs)
  expect(next.lastInputs).toEqual(new Map([['p/x', { a: 1, b: 2 }]]))
  expect(next.evaluate('p/x')).toBe(7)
  expect(() => next.evaluate('p/x', { a: 1, b: 2 })).toThrow('conflict')
})

test('the SDK gives the same answers where it has what it needs', async () => {
  // Sorted, because the SDK goes through an object in no order.
  const rego = `x := [walked, count(input), object.get(input, "a", [])]

walked := sort([[path, type_name(value)] | walk(input, [path, value])])
`
  const { wasm, data } = await bundleOf(rego)
  const policy = await policyOf(rego)
  const peer = await sdk.loadPolicy(wasm, 16)
  peer.setData(JSON.parse(Buffer.from(data).toString()))
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (input) => {
      const [row] = peer.evaluate(input, 'p/x')
      expect(policy.evaluate('p/x', input)).toEqual(row?.result)
    }),
  )
})

test('what a module would take for an object, and is none, is refused', async () => {
  const rego = 'x := v if v := y with input.a as 1\n\ny := input.a\n'
  const policy = await policyOf(rego)
  expect(policy.evaluate('p/x', { b: 1 })).toBe(1)
  expect(policy.evaluate('p/x')).toBe(1)
  for (const input of ['text', 3, [], null, false]) {
    expect(errorOf(() => policy.evaluate('p/x', input)).code).toBe('input_malformed')
  }
  const whole = await policyOf('x := v if v := y with input as {"b": 1}\n\ny := input.b\n')
  expect(whole.evaluate('p/x', 'text')).toBe(1)
})
