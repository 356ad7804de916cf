import { setOf } from '../../value/compare.ts'
import { isArray, isObject, isSet, type RegoArray, type Value } from '../../value/value.ts'
import type { Builtins, Evaluation } from '../builtin.ts'
import { membersOf, objectOperand } from '../operands.ts'
import { sizeOf } from './size.ts'
import { indexIn } from './sorted.ts'

/** What an edge of a graph, or a part of a value, costs to follow. */
const UNITS_PER_EDGE = 16

export const graphBuiltins: Builtins = {
  'graph.reachable': (evaluation, graph, start) => {
    const nodes = [...objectOperand(graph).keys()]
    const edges = [...objectOperand(graph).values()]
    const reached = new Map<number, Value>()
    const waiting = [...membersOf(start)]
    // What is added while this runs is gone through too.
    for (const node of waiting) {
      evaluation.spend(UNITS_PER_EDGE)
      const at = indexIn(nodes, node)
      if (at < 0 || reached.has(at)) continue
      reached.set(at, node)
      const neighbours = edges[at] as Value
      if (!isArray(neighbours) && !isSet(neighbours)) continue
      evaluation.spend(sizeOf(neighbours))
      for (const neighbour of neighbours) waiting.push(neighbour)
    }
    return setOf(reached.values())
  },
  // A plan reads the pairs from an array, in any order.
  walk: (evaluation, value) => {
    const pairs: Value[] = []
    walk(evaluation, value as Value, [], pairs)
    return pairs
  },
}

/** Each part of a value behind the path that leads to it. */
function walk(evaluation: Evaluation, value: Value, path: RegoArray, pairs: Value[]): void {
  evaluation.spend(UNITS_PER_EDGE + path.length)
  pairs.push([path, value])
  if (isArray(value)) {
    for (const [at, held] of value.entries()) walk(evaluation, held, [...path, at], pairs)
  } else if (isObject(value)) {
    for (const [key, held] of value) walk(evaluation, held, [...path, key], pairs)
  } else if (isSet(value)) {
    for (const member of value) walk(evaluation, member, [...path, member], pairs)
  }
}
