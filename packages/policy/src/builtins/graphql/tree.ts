import type { ASTNode, ConstDirectiveNode, DirectiveNode, TypeNode, ValueNode } from 'graphql'
import { objectOf } from '../../value/compare.ts'
import { isArray, isObject, type Value } from '../../value/value.ts'

/** The kinds of values, by the numbers that OPA's parser gives them. */
const KINDS = {
  Variable: 0,
  IntValue: 1,
  FloatValue: 2,
  StringValue: 3,
  BlockString: 4,
  BooleanValue: 5,
  NullValue: 6,
  EnumValue: 7,
  ListValue: 8,
  ObjectValue: 9,
} as const

/** An object of the tree, without what is empty, as OPA prunes it. */
export function treeOf(fields: Readonly<Record<string, Value | undefined>>): Value {
  const entries = Object.entries(fields).filter((entry): entry is [string, Value] => {
    const [, value] = entry
    if (value === undefined || value === null) return false
    return isArray(value) ? value.length > 0 : !(isObject(value) && value.size === 0)
  })
  return objectOf(entries)
}

export function typeTree(type: TypeNode, isNonNull = false): Value {
  if (type.kind === 'NonNullType') return typeTree(type.type, true)
  return type.kind === 'ListType'
    ? treeOf({ NamedType: '', Elem: typeTree(type.type), NonNull: isNonNull })
    : treeOf({ NamedType: type.name.value, NonNull: isNonNull })
}

export function valueTree(value: ValueNode): Value {
  return treeOf({
    Raw: rawOf(value),
    Children: childrenOf(value),
    Kind:
      value.kind === 'StringValue' && value.block === true ? KINDS.BlockString : KINDS[value.kind],
    ExpectedTypeHasDefault: false,
  })
}

function rawOf(value: ValueNode): string {
  switch (value.kind) {
    case 'Variable':
      return value.name.value
    case 'NullValue':
      return 'null'
    case 'ListValue':
    case 'ObjectValue':
      return ''
    default:
      return String(value.value)
  }
}

function childrenOf(value: ValueNode): Value[] {
  if (value.kind === 'ListValue') {
    return value.values.map((item) => treeOf({ Name: '', Value: valueTree(item) }))
  }
  if (value.kind !== 'ObjectValue') return []
  return value.fields.map(({ name, value: held }) =>
    treeOf({ Name: name.value, Value: valueTree(held) }),
  )
}

export function directiveTrees(
  directives: readonly (DirectiveNode | ConstDirectiveNode)[] = [],
): Value[] {
  return directives.map(({ name, arguments: operands }) =>
    treeOf({ Name: name.value, Arguments: argumentTrees(operands), Location: '' }),
  )
}

export function argumentTrees(operands: DirectiveNode['arguments'] = []): Value[] {
  return operands.map(({ name, value }) => treeOf({ Name: name.value, Value: valueTree(value) }))
}

export function descriptionOf(node: ASTNode): string {
  return 'description' in node ? (node.description?.value ?? '') : ''
}
