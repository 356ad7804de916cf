import type {
  DefinitionNode,
  DocumentNode,
  EnumValueDefinitionNode,
  FieldDefinitionNode,
  InputValueDefinitionNode,
  OperationTypeDefinitionNode,
} from 'graphql'
import type { Value } from '../../value/value.ts'
import { BuiltinError } from '../builtin.ts'
import { descriptionOf, directiveTrees, treeOf, typeTree, valueTree } from './tree.ts'

const KINDS: Readonly<Record<string, string>> = {
  ScalarType: 'SCALAR',
  ObjectType: 'OBJECT',
  InterfaceType: 'INTERFACE',
  UnionType: 'UNION',
  EnumType: 'ENUM',
  InputObjectType: 'INPUT_OBJECT',
}

/** A schema as OPA shows it. @throws {BuiltinError} */
export function schemaTree(document: DocumentNode): Value {
  const parts: Record<string, Value[]> = {
    Schema: [],
    SchemaExtension: [],
    Directives: [],
    Definitions: [],
    Extensions: [],
  }
  for (const node of document.definitions) {
    const [part, tree] = definitionTree(node)
    parts[part]?.push(tree)
  }
  return treeOf(parts)
}

function definitionTree(node: DefinitionNode): readonly [part: string, tree: Value] {
  switch (node.kind) {
    case 'SchemaDefinition':
      return ['Schema', rootTree(node)]
    case 'SchemaExtension':
      return ['SchemaExtension', rootTree(node)]
    case 'DirectiveDefinition': {
      const tree = treeOf({
        Description: descriptionOf(node),
        Name: node.name.value,
        Arguments: inputTrees(node.arguments),
        Locations: node.locations.map(({ value }) => value),
        IsRepeatable: node.repeatable,
      })
      return ['Directives', tree]
    }
    default:
  }
  const kind = KINDS[node.kind.replace(/(?:Definition|Extension)$/, '')]
  if (kind === undefined) throw new BuiltinError('a schema holds no queries')
  return [node.kind.endsWith('Extension') ? 'Extensions' : 'Definitions', typeTreeOf(node, kind)]
}

type Root = {
  readonly operationTypes?: readonly OperationTypeDefinitionNode[] | undefined
} & DefinitionNode

function rootTree(node: Root): Value {
  return treeOf({
    Description: descriptionOf(node),
    Directives: directiveTrees('directives' in node ? node.directives : []),
    OperationTypes: (node.operationTypes ?? []).map(({ operation, type }) =>
      treeOf({ Operation: operation, Type: type.name.value }),
    ),
  })
}

function typeTreeOf(node: DefinitionNode, kind: string): Value {
  return treeOf({
    Kind: kind,
    Description: descriptionOf(node),
    Name: 'name' in node ? (node.name?.value ?? '') : '',
    Directives: directiveTrees('directives' in node ? node.directives : []),
    Interfaces: 'interfaces' in node ? (node.interfaces ?? []).map(({ name }) => name.value) : [],
    Fields: 'fields' in node ? (node.fields ?? []).map(fieldTree) : [],
    Types: 'types' in node ? (node.types ?? []).map(({ name }) => name.value) : [],
    EnumValues: 'values' in node ? (node.values ?? []).map(enumTree) : [],
    BuiltIn: false,
  })
}

function fieldTree(field: FieldDefinitionNode | InputValueDefinitionNode): Value {
  const value = field.kind === 'InputValueDefinition' ? field.defaultValue : undefined
  return treeOf({
    Description: descriptionOf(field),
    Name: field.name.value,
    Arguments: field.kind === 'FieldDefinition' ? inputTrees(field.arguments) : [],
    DefaultValue: value && valueTree(value),
    Type: typeTree(field.type),
    Directives: directiveTrees(field.directives),
  })
}

function inputTrees(inputs: readonly InputValueDefinitionNode[] = []): Value[] {
  return inputs.map(fieldTree)
}

function enumTree(value: EnumValueDefinitionNode): Value {
  return treeOf({
    Description: descriptionOf(value),
    Name: value.name.value,
    Directives: directiveTrees(value.directives),
  })
}
