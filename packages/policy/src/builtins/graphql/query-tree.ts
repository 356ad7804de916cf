import type { DocumentNode, SelectionSetNode, VariableDefinitionNode } from 'graphql'
import type { Value } from '../../value/value.ts'
import { BuiltinError } from '../builtin.ts'
import { argumentTrees, directiveTrees, treeOf, typeTree, valueTree } from './tree.ts'

/** A query as OPA shows it. @throws {BuiltinError} */
export function queryTree(document: DocumentNode): Value {
  const operations: Value[] = []
  const fragments: Value[] = []
  for (const node of document.definitions) {
    if (node.kind === 'OperationDefinition') {
      operations.push(
        treeOf({
          Operation: node.operation,
          Name: node.name?.value ?? '',
          VariableDefinitions: variableTrees(node.variableDefinitions),
          Directives: directiveTrees(node.directives),
          SelectionSet: selectionTrees(node.selectionSet),
        }),
      )
    } else if (node.kind === 'FragmentDefinition') {
      fragments.push(
        treeOf({
          Name: node.name.value,
          VariableDefinition: variableTrees(node.variableDefinitions),
          TypeCondition: node.typeCondition.name.value,
          Directives: directiveTrees(node.directives),
          SelectionSet: selectionTrees(node.selectionSet),
        }),
      )
    } else throw new BuiltinError('a query defines no types')
  }
  return treeOf({ Operations: operations, Fragments: fragments })
}

function variableTrees(variables: readonly VariableDefinitionNode[] = []): Value[] {
  return variables.map((variable) =>
    treeOf({
      Variable: variable.variable.name.value,
      Type: typeTree(variable.type),
      DefaultValue: variable.defaultValue && valueTree(variable.defaultValue),
      Directives: directiveTrees(variable.directives),
      Used: false,
    }),
  )
}

function selectionTrees(set: SelectionSetNode | undefined): Value[] {
  return (set?.selections ?? []).map((selection) => {
    const directives = directiveTrees(selection.directives)
    switch (selection.kind) {
      case 'Field':
        return treeOf({
          Alias: selection.alias?.value ?? selection.name.value,
          Name: selection.name.value,
          Arguments: argumentTrees(selection.arguments),
          Directives: directives,
          SelectionSet: selectionTrees(selection.selectionSet),
        })
      case 'FragmentSpread':
        return treeOf({ Name: selection.name.value, Directives: directives })
      default:
        return treeOf({
          TypeCondition: selection.typeCondition?.name.value ?? '',
          Directives: directives,
          SelectionSet: selectionTrees(selection.selectionSet),
        })
    }
  })
}
