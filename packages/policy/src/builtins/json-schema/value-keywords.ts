import type { JsonObject } from './json.ts'
import { arrayAt, canonicalJson, invalidType } from './keywords.ts'
import { DRAFT } from './pool.ts'
import { SchemaError } from './schema-error.ts'
import type { SubSchema } from './sub-schema.ts'

const TYPES = ['array', 'boolean', 'integer', 'number', 'null', 'object', 'string']

export function typesInto(node: JsonObject, schema: SubSchema): void {
  const type = node.get('type')
  if (type === undefined) return
  const names = typeof type === 'string' ? [type] : type
  if (!Array.isArray(names)) throw invalidType('type', 'string/Array Of Strings')
  for (const name of names) {
    if (typeof name !== 'string') throw invalidType('type', 'string/Array Of Strings')
    if (!TYPES.includes(name)) {
      const expected = `Expected valid values are:[${TYPES.join(' ')}]`
      throw new SchemaError(
        `has a primitive type that is NOT VALID -- given: /${name}/ ${expected}`,
      )
    }
    if (schema.types.includes(name)) throw new SchemaError(`${name} type is duplicated`)
    schema.types.push(name)
  }
}

/** The values that are allowed. */
export function valuesInto(node: JsonObject, schema: SubSchema): void {
  const constant = node.get('const')
  if (constant !== undefined && schema.draft >= DRAFT.six) schema.constant = canonicalJson(constant)
  const values = arrayAt(node, 'enum')?.map(canonicalJson)
  if (values === undefined) return
  if (new Set(values).size < values.length) throw new SchemaError('enum items must be unique')
  schema.enumeration = values
}
