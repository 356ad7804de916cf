import {
  buildASTSchema,
  type DefinitionNode,
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  parse,
  validate,
  validateSchema,
  visit,
} from 'graphql'
import { BuiltinError } from '../builtin.ts'

/** Tokens of a document; what has more is refused, whoever reads it. */
const TOKENS_MAX = 50_000
/** What OPA's library lets pass. */
const PASSED_FAULTS = /^Query root type must be provided\.$| has invalid default value: /
/** Types that are there already: OPA takes none of that name. */
const GIVEN = new Set(['Int', 'Float', 'String', 'Boolean', 'ID'])
const COMMENTS = /"""(?:\\"""|[\s\S])*?"""|"(?:[^"\\\n]|\\.)*"|#[^\n\r]*/g

/** @throws {BuiltinError} */
export function parseDocument(text: string): DocumentNode {
  const bare = text.replaceAll(COMMENTS, (found) => (found.startsWith('#') ? '' : found))
  if (/^[\s,\ufeff]*$/.test(bare)) return { kind: Kind.DOCUMENT, definitions: [] }
  let document: DocumentNode
  try {
    document = parse(text, {
      maxTokens: TOKENS_MAX,
      noLocation: true,
      experimentalFragmentArguments: true,
    })
  } catch (cause) {
    if (!(cause instanceof GraphQLError || cause instanceof RangeError)) throw cause
    throw new BuiltinError('the text is no GraphQL', { cause })
  }
  visit(document, {
    SelectionSet(node) {
      if (node.selections.length === 0) throw new BuiltinError('a selection of nothing')
    },
    FragmentSpread(node) {
      if ('arguments' in node && (node.arguments?.length ?? 0) > 0) {
        throw new BuiltinError('a fragment takes no arguments')
      }
    },
  })
  return document
}

export function hasComments(text: string): boolean {
  return text.match(COMMENTS)?.some((found) => found.startsWith('#')) ?? false
}

/** A schema that OPA takes too: without a type `Query` it is one. @throws {BuiltinError} */
export function buildSchema(document: DocumentNode): GraphQLSchema {
  const whole = withBases(document)
  const isGiven = (node: DefinitionNode) => isType(node) && GIVEN.has(nameOf(node))
  if (document.definitions.some(isGiven)) throw new BuiltinError('a type that is there already')
  try {
    const faults = validateSchema(buildASTSchema(whole))
    const fault = faults.find(({ message }) => !PASSED_FAULTS.test(message))
    if (fault !== undefined) throw fault
    return buildASTSchema(whole, { assumeValid: true })
  } catch (cause) {
    throw new BuiltinError('the schema is not valid', { cause })
  }
}

/** @throws {BuiltinError} where a query asks for what a schema does not have */
export function checkQuery(schema: GraphQLSchema, query: DocumentNode): void {
  if (query.definitions.length === 0) return
  const [cause] = validate(schema, query)
  if (cause !== undefined) throw new BuiltinError('the query does not fit the schema', { cause })
}

/** With what extends nothing made what others extend, as OPA has it. */
function withBases(document: DocumentNode): DocumentNode {
  const names = new Set(document.definitions.filter(isType).map(nameOf))
  const definitions = document.definitions.map((node) => {
    if (!/TypeExtension$/.test(node.kind) || names.has(nameOf(node))) return node
    names.add(nameOf(node))
    return { ...node, kind: node.kind.replace('Extension', 'Definition') } as DefinitionNode
  })
  return { ...document, definitions }
}

function isType(node: DefinitionNode): boolean {
  return node.kind.endsWith('TypeDefinition')
}

function nameOf(node: DefinitionNode): string {
  return 'name' in node ? (node.name?.value ?? '') : ''
}
