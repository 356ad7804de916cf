import fc from 'fast-check'
import { objectOf, setOf } from '../src/value/compare.ts'
import { numberOf, type Value } from '../src/value/value.ts'

const number = fc.oneof(
  fc.integer().map((n) => numberOf(String(n))),
  fc.bigInt().map((n) => numberOf(String(n))),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => numberOf(JSON.stringify(n))),
  fc.stringMatching(/^-?(0|[1-9]\d{0,30})\.\d{1,30}([eE][+-]?\d{1,3})?$/).map(numberOf),
)
const text = fc.string({ unit: 'binary' })

/** Any value of Rego, for tests. */
export const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Value>(null, true, false),
    number,
    text,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(tie('value'), { maxLength: 4 }).map(setOf),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map(objectOf),
  ),
})).value
