import { isJsonObject, type Json, type JsonObject } from './json.ts'
import { arrayAt, invalidType, lengthsInto, numbersInto, patternOf, stringAt } from './keywords.ts'
import { DRAFT, draftOf, Pool } from './pool.ts'
import { checkedReference } from './reference.ts'
import { SchemaError } from './schema-error.ts'
import type { SubSchema } from './sub-schema.ts'
import { typesInto, valuesInto } from './value-keywords.ts'

/** Reads a schema, in the order and with the words of OPA. @throws {SchemaError} */
export function compileSchema(document: Json, spend: (units: number) => void): SubSchema {
  const pool = new Pool(spend)
  pool.add(document, '')
  const root: SubSchema = { draft: draftOf(document) ?? DRAFT.hybrid, types: [] }
  new Compiler(pool, spend).read(document, root)
  return root
}

class Compiler {
  readonly #pool: Pool
  readonly #spend: (units: number) => void
  readonly #references = new Map<string, SubSchema>()

  constructor(pool: Pool, spend: (units: number) => void) {
    this.#pool = pool
    this.#spend = spend
  }

  read(node: Json, schema: SubSchema): void {
    this.#spend(2_048)
    if (typeof node === 'boolean' && schema.draft >= DRAFT.six) {
      schema.pass = node
      return
    }
    if (!isJsonObject(node)) throw new SchemaError('Expected: Valid Schema, given: Invalid JSON')
    const id = stringAt(node, idKey(node, schema))
    if (id !== undefined) checkedReference(id)
    this.#definitions(node, schema)
    stringAt(node, 'title')
    stringAt(node, 'description')
    const reference = stringAt(node, '$ref')
    if (reference !== undefined && this.#refer(reference, schema)) return
    typesInto(node, schema)
    this.#objects(node, schema)
    this.#items(node, schema)
    numbersInto(node, schema)
    this.#strings(node, schema)
    this.#sizes(node, schema)
    valuesInto(node, schema)
    this.#combinations(node, schema)
  }

  #child(node: Json, parent: SubSchema): SubSchema {
    const schema: SubSchema = { draft: parent.draft, types: [] }
    this.read(node, schema)
    return schema
  }

  #definitions(node: JsonObject, schema: SubSchema): void {
    const definitions = node.get('definitions')
    if (definitions === undefined) return
    if (!isJsonObject(definitions)) throw invalidType('Array Of Schemas', 'definitions')
    for (const definition of definitions.values()) {
      if (!isSchema(definition)) throw invalidType('Array Of Schemas', 'definitions')
      this.#child(definition, schema)
    }
  }

  /** Whether the schema is the other one and nothing else, as it is when first referred to. */
  #refer(reference: string, schema: SubSchema): boolean {
    const full = checkedReference(reference)
    const known = this.#references.get(full)
    if (known !== undefined) {
      schema.reference = known
      return false
    }
    const { document, draft } = this.#pool.get(full)
    const target: SubSchema = { draft: draft ?? schema.draft, types: [] }
    this.#references.set(full, target)
    if (!isSchema(document)) throw new SchemaError('Valid Schema must be of type object')
    this.read(document, target)
    schema.reference = target
    return true
  }

  #objects(node: JsonObject, schema: SubSchema): void {
    const properties = node.get('properties')
    if (properties !== undefined) {
      if (!isJsonObject(properties)) throw new SchemaError('Properties must be of type object')
      schema.properties = new Map()
      for (const [key, child] of properties) schema.properties.set(key, this.#child(child, schema))
    }
    const additional = node.get('additionalProperties')
    if (additional !== undefined) {
      schema.additionalProperties = this.#flagOrSchema(additional, 'additionalProperties', schema)
    }
    this.#patternProperties(node, schema)
    const names = node.get('propertyNames')
    if (names !== undefined && schema.draft >= DRAFT.six) {
      if (!isSchema(names)) throw invalidType('Valid Schema', 'patternProperties')
      schema.propertyNames = this.#child(names, schema)
    }
    this.#dependencies(node.get('dependencies'), schema)
  }

  #flagOrSchema(node: Json, name: string, schema: SubSchema): boolean | SubSchema {
    if (typeof node === 'boolean') return node
    if (!isJsonObject(node)) throw invalidType('boolean/Valid Schema', name)
    return this.#child(node, schema)
  }

  #patternProperties(node: JsonObject, schema: SubSchema): void {
    const patterns = node.get('patternProperties')
    if (patterns === undefined) return
    if (!isJsonObject(patterns)) throw invalidType('Valid Schema', 'patternProperties')
    schema.patternProperties = new Map()
    for (const [key, child] of patterns) {
      const pattern = patternOf(key, `Invalid regex pattern '${key}'`)
      schema.patternProperties.set(key, { pattern, schema: this.#child(child, schema) })
    }
  }

  #dependencies(node: Json | undefined, schema: SubSchema): void {
    if (node === undefined) return
    if (!isJsonObject(node)) throw new SchemaError('dependencies must be of type object')
    schema.dependencies = new Map()
    for (const [key, value] of node) {
      if (isSchema(value)) schema.dependencies.set(key, this.#child(value, schema))
      else if (Array.isArray(value) && value.every((name) => typeof name === 'string')) {
        if (value.length > 0) schema.dependencies.set(key, value)
      } else throw new SchemaError('Dependency must be of type Schema Or Array Of Strings')
    }
  }

  #items(node: JsonObject, schema: SubSchema): void {
    const items = node.get('items')
    if (items !== undefined) {
      const list = Array.isArray(items) ? items : [items]
      schema.items = list.map((item) => {
        if (!isSchema(item)) throw invalidType('Valid Schema/Array Of Schemas', 'items')
        return this.#child(item, schema)
      })
      schema.isSingleItem = !Array.isArray(items)
    }
    const additional = node.get('additionalItems')
    if (additional === undefined) return
    schema.additionalItems = this.#flagOrSchema(additional, 'additionalItems', schema)
  }

  #strings(node: JsonObject, schema: SubSchema): void {
    lengthsInto(
      node,
      schema,
      'minLength',
      'maxLength',
      'minLength cannot be greater than maxLength',
    )
    const pattern = stringAt(node, 'pattern')
    if (pattern !== undefined) schema.pattern = patternOf(pattern, 'pattern must be a valid regex')
    const format = stringAt(node, 'format')
    if (format !== undefined && format !== '') schema.format = format
  }

  #sizes(node: JsonObject, schema: SubSchema): void {
    const wrong = 'minProperties cannot be greater than maxProperties'
    lengthsInto(node, schema, 'minProperties', 'maxProperties', wrong)
    for (const name of arrayAt(node, 'required') ?? []) {
      if (typeof name !== 'string') throw invalidType('string', 'required')
      schema.required ??= []
      if (schema.required.includes(name)) throw new SchemaError('required items must be unique')
      schema.required.push(name)
    }
    lengthsInto(node, schema, 'minItems', 'maxItems')
    const unique = node.get('uniqueItems')
    if (unique !== undefined) {
      if (typeof unique !== 'boolean') throw new SchemaError('uniqueItems must be of a boolean')
      schema.uniqueItems = unique
    }
    const contains = node.get('contains')
    if (contains !== undefined && schema.draft >= DRAFT.six) {
      schema.contains = this.#child(contains, schema)
    }
  }

  #combinations(node: JsonObject, schema: SubSchema): void {
    for (const key of ['oneOf', 'anyOf', 'allOf'] as const) {
      const parts = arrayAt(node, key)
      if (parts !== undefined) schema[key] = parts.map((part) => this.#child(part, schema))
    }
    const single =
      schema.draft >= DRAFT.seven ? (['not', 'if', 'then', 'else'] as const) : (['not'] as const)
    for (const key of single) {
      const part = node.get(key)
      if (part === undefined) continue
      if (!isSchema(part)) throw new SchemaError(`${key} must be of an object`)
      schema[key] = this.#child(part, schema)
    }
  }
}

function idKey(node: JsonObject, { draft }: SubSchema): string {
  if (draft === DRAFT.four) return 'id'
  return draft === DRAFT.hybrid && node.has('id') ? 'id' : '$id'
}

function isSchema(node: Json): boolean {
  return typeof node === 'boolean' || isJsonObject(node)
}
