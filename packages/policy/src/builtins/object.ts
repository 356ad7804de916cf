import { equal, hasMember, setOf, valueAt } from '../value/compare.ts'
import {
  isArray,
  isObject,
  isSet,
  type RegoArray,
  type RegoObject,
  type RegoSet,
  type Value,
} from '../value/value.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { membersOf, objectOperand } from './operands.ts'

type Spend = (units: number) => void

export const objectBuiltins: Builtins = {
  'object.subset': (evaluation, whole, part) =>
    subset(whole as Value, part as Value, (units) => evaluation.spend(units)),
  'graph.reachable_paths': (evaluation, graph, start) =>
    reachablePaths(objectOperand(graph), membersOf(start), (units) => evaluation.spend(units)),
}

function subset(whole: Value, part: Value, spend: Spend): boolean {
  if (isArray(whole) && isSet(part)) return holdsAll(whole, part, spend)
  const found = sameKind(whole, part, spend)
  if (found === undefined) throw new BuiltinError('the operands have types that do not go together')
  return found
}

/** Nothing where the two are not both objects, sets or arrays. */
function sameKind(whole: Value, part: Value, spend: Spend): boolean | undefined {
  if (isObject(whole) && isObject(part)) return objectSubset(whole, part, spend)
  if (isSet(whole) && isSet(part)) {
    spend(whole.size * part.size)
    return [...part].every((member) => hasMember(whole, member))
  }
  return isArray(whole) && isArray(part) ? isWithin(whole, part, spend) : undefined
}

function objectSubset(whole: RegoObject, part: RegoObject, spend: Spend): boolean {
  for (const [key, value] of part) {
    spend(typeof key === 'string' ? 1 : whole.size)
    const other = valueAt(whole, key)
    if (other === undefined) return false
    if (!equal(other, value) && sameKind(other, value, spend) !== true) return false
  }
  return true
}

/** OPA compares from each element on, and takes up after a mismatch one element further. */
function isWithin(whole: RegoArray, part: RegoArray, spend: Spend): boolean {
  spend(whole.length * Math.max(part.length, 1))
  for (let start = 0; start + part.length <= whole.length; start++) {
    if (part.every((element, at) => equal(element, whole[start + at] as Value))) return true
  }
  return false
}

/** Counts each element that is a member: one that comes twice stands for two. */
function holdsAll(whole: RegoArray, part: RegoSet, spend: Spend): boolean {
  spend(whole.length * Math.max(part.size, 1))
  let missing = part.size
  for (const element of whole) {
    if (hasMember(part, element)) missing--
    if (missing === 0) return true
  }
  return false
}

function reachablePaths(graph: RegoObject, start: RegoArray, spend: Spend): RegoSet {
  const paths: Value[] = []
  const add = (path: readonly Value[]) => {
    spend((path.length + 1) * 32)
    paths.push([...path])
  }
  for (const node of start) {
    const edges = valueAt(graph, node)
    if (edges === undefined) continue
    const neighbours = neighboursOf(edges)
    if (neighbours.length === 0) add([node])
    for (const neighbour of neighbours) follow(graph, neighbour, [node], add)
  }
  return setOf(paths)
}

/** Ends a path where the graph knows no more of a node, has no edges, or meets the path again. */
function follow(
  graph: RegoObject,
  node: Value,
  path: readonly Value[],
  add: (path: readonly Value[]) => void,
): void {
  const edges = valueAt(graph, node)
  if (edges === undefined) {
    add(path)
    return
  }
  const longer = [...path, node]
  const neighbours = neighboursOf(edges)
  if (neighbours.length === 0) add(longer)
  for (const neighbour of neighbours) {
    if (longer.some((passed) => equal(passed, neighbour))) add(longer)
    else follow(graph, neighbour, longer, add)
  }
}

function neighboursOf(edges: Value): RegoArray {
  if (isArray(edges)) return edges
  return isSet(edges) ? [...edges] : []
}
