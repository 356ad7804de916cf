import type { DocumentNode } from 'graphql'
import { isObject, type Value } from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { stringOf } from '../operands.ts'
import { buildSchema, checkQuery, hasComments, parseDocument } from './document.ts'
import { queryTree } from './query-tree.ts'
import { schemaTree } from './schema-tree.ts'

/** What a character of GraphQL costs to read. */
const UNITS_PER_CHARACTER = 256

export const graphqlBuiltins: Builtins = {
  'graphql.parse_query': (evaluation, query) =>
    shown(query, queryTree(document(evaluation, query))),
  'graphql.parse_schema': (evaluation, schema) =>
    shown(schema, schemaTree(document(evaluation, schema))),
  'graphql.parse': (evaluation, query, schema) => shownBoth(evaluation, query, schema),
  'graphql.parse_and_verify': (evaluation, query, schema) =>
    orElse(() => [true, ...shownBoth(evaluation, query, schema)], [false, new Map(), new Map()]),
  'graphql.is_valid': (evaluation, query, schema) =>
    orElse(() => verified(evaluation, query, schema).length > 0, false),
  'graphql.schema_is_valid': (evaluation, schema) =>
    orElse(() => {
      const parsed = document(evaluation, schema)
      schemaTree(parsed)
      buildSchema(parsed)
      return true
    }, false),
}

function orElse(make: () => Value, otherwise: Value): Value {
  try {
    return make()
  } catch (error) {
    if (error instanceof BuiltinError) return otherwise
    throw error
  }
}

function shownBoth(
  evaluation: Evaluation,
  query: Value | undefined,
  schema: Value | undefined,
): [Value, Value] {
  const [asked, known] = verified(evaluation, query, schema)
  return [shown(query, asked), shown(schema, known)]
}

/** The trees of a query and of the schema that it fits. @throws {BuiltinError} */
function verified(
  evaluation: Evaluation,
  query: Value | undefined,
  schema: Value | undefined,
): [Value, Value] {
  const [asked, known] = [document(evaluation, query), document(evaluation, schema)]
  const trees: [Value, Value] = [queryTree(asked), schemaTree(known)]
  checkQuery(buildSchema(known), asked)
  return trees
}

/**
 * OPA also takes the trees that it makes, and shows comments in them. Neither is supported, and
 * ends the evaluation: anything else would be a wrong answer.
 */
function document(evaluation: Evaluation, value: Value | undefined): DocumentNode {
  if (value !== undefined && isObject(value)) {
    throw new TypeError('GraphQL is taken as a text only: what is parsed already is not supported')
  }
  const text = stringOf(value)
  evaluation.spend(text.length * UNITS_PER_CHARACTER)
  return parseDocument(text)
}

function shown(text: Value | undefined, tree: Value): Value {
  if (!hasComments(stringOf(text))) return tree
  throw new TypeError('GraphQL with comments is not shown as a tree: leave them out')
}
