import { expect, test, vi } from 'vitest'
import { answersOfBoth, bundleOf, errorOf, policyOf } from '../../test/policy-under-test.ts'
import { SECTION, WasmReader } from '../wasm/binary.ts'
import { redirected } from './redirected.ts'

vi.setConfig({ testTimeout: 60_000 })

const INPUT = new Map<string, unknown>([
  ['o', new Map<string, unknown>(['zeta', 'b', 'alpha', 'q', '', 'ä', '𝒳'].map((k, n) => [k, n]))],
  ['s', ['zeta', 'b', 'alpha', 3, 1, 'q', [2], [1, 2], null, true, 1.5, -1]],
  [
    'nested',
    new Map<string, unknown>([
      ['m', ['y', 'x']],
      [
        'a',
        new Map([
          ['r', 1],
          ['c', 2],
        ]),
      ],
    ]),
  ],
]) as never

/** Expressions whose answer shows in what order something is gone through. */
const ORDERED = [
  '[v | some v in input.o]',
  '[k | input.o[k]]',
  '[[k, v] | some k, v in input.o]',
  '[v | some v in {e | some e in input.s}]',
  '[v | some v in {"zz", "b", "a", "q", 1, null}]',
  '[[a, b] | some a in {3, 1, 2}; some b in {"y", "x"}]',
  '[[a, b] | some a in {3, 1, 2}; b := [c | some c in union({{a}, {a + 5, a - 5}})]]',
  '[v | some v in input.s]',
  '[v | some v in object.keys(input.o)]',
  '[v | some v in union({{"b"}, {"a", "c"}})]',
  '[v | some k in {"m", "a"}; some v in input.nested[k]]',
  '[[p, v] | walk(input, [p, v])]',
  '[p | walk({{"b", "a"}, {3, 1}}, [p, _])]',
  '[v | some v in [w | some w in {"b", "a"}]]',
  '[s | some s in {"b", "a"}; not s == "c"; every e in {1, 2} { e > 0 }]',
  'concat(",", [v | some v in {"zz", "b", "a"}])',
  'array.concat([v | some v in {2, 1}], [v | some v in {4, 3}])',
  '{[v, [w | some w in union({{v}, {"m"}})]] | some v in {"zz", "b", "a"}}',
  '{k: [v | some v in union({{k}, {"m"}})] | some k in {"zz", "b", "a"}}',
  'json.marshal(input)',
  'json.marshal({3, 1, {"b", "a"}})',
  'json.marshal({"b": 1, "a": {"d": 1, "c": 2}})',
  'format_int(123456789012345678901234567890, 16)',
  'format_int(-123456789012345678901234567890, 10)',
]

test('what is made of objects and sets is in the order of OPA', async () => {
  const { ours, opa } = await answersOfBoth(ORDERED, INPUT)
  expect(ours).toEqual(opa)
  expect(Object.values(opa).every((text) => text !== undefined)).toBe(true)
})

test('the order of one evaluation is not that of the next', async () => {
  const policy = await policyOf('x := [k | input.o[k]]')
  for (const keys of [['b', 'a'], ['d', 'c', 'b'], ['a'], []]) {
    const o = Object.fromEntries(keys.map((key) => [key, 1]))
    expect(policy.evaluate('p/x', { o })).toEqual(keys.toSorted())
  }
})

test('to order much costs much, and ends where the budget does', async () => {
  const policy = await policyOf('x := count([k | input.o[k]])')
  const o = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, n]))
  expect(policy.evaluate('p/x', { o })).toBe(20_000)
  const { spent } = policy
  expect(errorOf(() => policy.evaluate('p/x', { o }, { unitsMax: spent / 2 }))).toMatchObject({
    code: 'budget_exhausted',
  })
  expect(policy.evaluate('p/x', { o: { a: 1 } })).toBe(1)
})

test('a module without names of functions stays as it is', async () => {
  const { wasm } = await bundleOf('x := [k | input.o[k]]')
  const nameless = withoutCustomSections(wasm)
  expect(nameless.length).toBeLessThan(wasm.length)
  expect(Buffer.from(redirected(nameless)).equals(nameless)).toBe(true)
})

test('rules in which no order shows stay as they are', async () => {
  const { wasm } = await bundleOf('x if {\n\tsome k, v in input.o\n\tk == v\n}')
  const own = bodiesOf(wasm)
  expect(bodiesOf(redirected(wasm)).slice(0, own.length)).toEqual(own)
})

function withoutCustomSections(wasm: Uint8Array): Buffer {
  return Buffer.concat([
    wasm.subarray(0, 8),
    ...sections(wasm)
      .filter(([id]) => id !== 0)
      .map(([, bytes]) => bytes),
  ])
}

/** The bodies of the module's own functions: what is added comes behind them. */
function bodiesOf(wasm: Uint8Array): string[] {
  const [, code = Buffer.alloc(0)] = sections(wasm).find(([id]) => id === SECTION.code) ?? []
  const reader = new WasmReader(code, 1)
  reader.unsigned()
  reader.unsigned()
  const bodies: string[] = []
  while (!reader.atEnd) {
    const bytes = reader.unsigned()
    bodies.push(Buffer.from(code.subarray(reader.at, reader.at + bytes)).toString('base64'))
    reader.skip(bytes)
  }
  return bodies
}

function sections(wasm: Uint8Array): [id: number, bytes: Uint8Array][] {
  const reader = new WasmReader(wasm, 8)
  const found: [number, Uint8Array][] = []
  while (!reader.atEnd) {
    const begin = reader.at
    const id = reader.byte()
    reader.skip(reader.unsigned())
    found.push([id, wasm.subarray(begin, reader.at)])
  }
  return found
}
