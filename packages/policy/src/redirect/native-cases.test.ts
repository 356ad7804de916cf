import { expect, test, vi } from 'vitest'
import { callsOf, differencesOf } from '../builtins/calls-under-test.ts'

vi.setConfig({ testTimeout: 120_000 })

/** OPA does not compile these any more. */
const DEPRECATED = /^(?:all|any|net\.cidr_overlap|re_match|set_diff)\(/
/** A relation is no call of one answer; the test of the order has it. */
const RELATION = /^walk\(/

const ZERO = 'zero has no sign in a module'
const SAME = 'of equal numbers in two forms, such as 1 and 1.0, a module keeps another one'
const INDEX = 'a module finds no index by a fraction such as 1.0'
const LETTERS = 'letters that came to Unicode after the tables of a module'

/** Calls that a module answers otherwise than OPA, and why that is left so. */
const DIFFERENT: ReadonlyMap<string, string> = new Map([
  ['product([0.0, -1.5])', ZERO],
  ['mul(-0.0, 1.5)', ZERO],
  ['div(0, -5)', ZERO],
  ['max([1, 1.0])', SAME],
  ['max([1.0, 1])', SAME],
  ['min([1, 1.0])', SAME],
  ['min([1.0, 1])', SAME],
  ['intersection({{1, 2}, {1.0, 2, 3}, {1, 2, 4}})', SAME],
  ['union({{1, 5}, {1.0, 2}})', SAME],
  ['object.filter({1: "x", [1]: "y"}, [1.0, [1]])', SAME],
  ['internal.member_3(0.0, 1, [1, 2])', INDEX],
  ['object.get({"a": [1, 2]}, ["a", 1.0], 0)', INDEX],
  ['lower("ꙊꟖ")', LETTERS],
  ['upper("ƛɤꟗ")', LETTERS],
])

test.for([
  ...['aggregates', 'arithmetic', 'arrays', 'bits', 'comparison', 'encoding', 'glob', 'graph'],
  ...['net', 'numbers', 'objects', 'regex', 'sets', 'strings', 'types'],
])('what a module does itself, it does as OPA: %s', async (family) => {
  const calls = callsOf(`native/${family}`).filter(
    (call) => !(DEPRECATED.test(call) || RELATION.test(call)),
  )
  const found = (await differencesOf(calls)).map(({ call }) => call)
  expect(found).toEqual(calls.filter((call) => DIFFERENT.has(call)))
})
