import { equal } from '../value/compare.ts'
import { isArray, isObject, isSet, type RegoObject, type Value } from '../value/value.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { EditTree, type Path } from './edit-tree.ts'
import { arrayOf, objectOperand, stringOf } from './operands.ts'

type Spend = (units: number) => void

export const jsonBuiltins: Builtins = {
  'json.patch': (evaluation, document, operations) => {
    const spend: Spend = (units) => evaluation.spend(units)
    const tree = new EditTree(document as Value, spend)
    for (const operation of arrayOf(operations)) apply(tree, objectOperand(operation), spend)
    return tree.valueAt([])
  },
}

function apply(tree: EditTree, operation: RegoObject, spend: Spend): void {
  const op = stringOf(operation.get('op'))
  const path = pathOf(operation, 'path')
  switch (op) {
    case 'add':
      tree.insert(path, attribute(operation, 'value'))
      return
    case 'remove':
      tree.remove(path)
      return
    case 'replace':
      tree.remove(path)
      tree.insert(path, attribute(operation, 'value'))
      return
    case 'move':
    case 'copy': {
      const from = pathOf(operation, 'from')
      const value = tree.valueAt(from)
      // A document can be copied into itself, and be twice as large each time.
      measure(value, spend)
      if (op === 'move') tree.remove(from)
      tree.insert(path, value)
      return
    }
    case 'test':
      if (equal(tree.valueAt(path), attribute(operation, 'value'))) return
      throw new BuiltinError('the document has another value')
    default:
      throw new BuiltinError('an operation that is not known')
  }
}

function attribute(operation: RegoObject, name: string): Value {
  const value = operation.get(name)
  if (value === undefined) throw new BuiltinError(`an operation lacks its ${name}`)
  return value
}

function pathOf(operation: RegoObject, name: string): Path {
  return keysOf(attribute(operation, name))
}

/** The keys of a JSON pointer, whose first slash may be missing or repeated, or of an array. */
export function keysOf(path: Value): Path {
  if (isArray(path)) return path
  const pointer = stringOf(path)
  if (pointer === '') return []
  const keys = pointer.replace(/^\/+/, '').split('/')
  return keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function measure(value: Value, spend: Spend): void {
  spend(24)
  if (isArray(value) || isSet(value)) for (const member of value) measure(member, spend)
  if (isObject(value)) {
    for (const [key, held] of value) {
      measure(key, spend)
      measure(held, spend)
    }
  }
}
