import { isArray, isNumber, type RegoArray, type Value } from '../../value/value.ts'
import type { Builtins } from '../builtin.ts'
import { wholeOf } from '../numbers.ts'
import { arrayOf, int64Of } from '../operands.ts'

export const arrayBuiltins: Builtins = {
  'array.concat': (evaluation, a, b) => {
    evaluation.spend(arrayOf(a).length + arrayOf(b).length)
    return [...arrayOf(a), ...arrayOf(b)]
  },
  'array.flatten': (evaluation, array) => {
    evaluation.spend(arrayOf(array).length)
    return arrayOf(array).flatMap((element) => {
      if (!isArray(element)) return [element]
      evaluation.spend(element.length)
      return element
    })
  },
  'array.reverse': (evaluation, array) => {
    evaluation.spend(arrayOf(array).length)
    return arrayOf(array).toReversed()
  },
  'array.slice': (evaluation, array, start, stop) => {
    const { length } = arrayOf(array)
    const end = clamped(int64Of(stop), length)
    const begin = clamped(int64Of(start), end)
    evaluation.spend(end - begin)
    return arrayOf(array).slice(begin, end)
  },
}

/** The element at an index, which may be written as `1.0`. */
export function elementAt(array: RegoArray, index: Value): Value | undefined {
  const at = isNumber(index) ? wholeOf(index) : undefined
  return at === undefined || at < 0n || at >= array.length ? undefined : array[Number(at)]
}

function clamped(index: bigint, most: number): number {
  return index < 0n ? 0 : index > most ? most : Number(index)
}
