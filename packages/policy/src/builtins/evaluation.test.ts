import { expect, test } from 'vitest'
import { objectOf, setOf } from '../value/compare.ts'
import type { Value } from '../value/value.ts'
import { BuiltinError, type Evaluation } from './builtin.ts'
import { castBuiltins } from './casts.ts'
import { evaluationBuiltins } from './evaluation.ts'

function evaluationOf(lines: string[]): Evaluation {
  return {
    nowNs: 0n,
    runtime: objectOf([]),
    spend: () => {},
    once: (_, make) => make(),
    ask: () => expect.unreachable('nothing is asked'),
    print: (line) => lines.push(line),
  }
}

test('print gives a line for each way to choose a value of each operand', () => {
  const lines: string[] = []
  const [print] = Object.entries(evaluationBuiltins).flatMap(([name, builtin]) =>
    name === 'internal.print' ? [builtin] : [],
  )
  const printed: Value = [setOf(['a', 1]), setOf([]), setOf([[1, 'b']])]
  print?.(evaluationOf(lines), printed)
  expect(lines).toEqual(['1 <undefined> [1, "b"]', 'a <undefined> [1, "b"]'])
})

test('the casts of old Rego give what has the type, and nothing for the rest', () => {
  const cast = (name: string, value: Value) => castBuiltins[name]?.(evaluationOf([]), value)
  expect(cast('cast_array', setOf([2, 1]))).toEqual([1, 2])
  expect(cast('cast_set', [2, 1, 2])).toEqual(setOf([1, 2]))
  expect(cast('cast_string', 'a')).toBe('a')
  expect(cast('cast_boolean', false)).toBe(false)
  expect(cast('cast_null', null)).toBe(null)
  expect(cast('cast_object', objectOf([]))).toEqual(objectOf([]))
  for (const name of Object.keys(castBuiltins)) {
    expect(() => cast(name, 1)).toThrow(BuiltinError)
  }
})
