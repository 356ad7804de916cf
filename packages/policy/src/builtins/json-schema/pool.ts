import draft6 from 'ajv/lib/refs/json-schema-draft-06.json' with { type: 'json' }
import draft7 from 'ajv/lib/refs/json-schema-draft-07.json' with { type: 'json' }
import draft4 from 'ajv-draft-04/dist/refs/json-schema-draft-04.json' with { type: 'json' }
import { readJson } from '../../go/read-json.ts'
import { copyOf, isJsonObject, type Json } from './json.ts'
import {
  canonical,
  checkedReference,
  follow,
  isFull,
  pointerOf,
  resolved,
  withoutFragment,
} from './reference.ts'
import { SchemaError } from './schema-error.ts'

/** The drafts of JSON schema; a schema that names none may use the words of all. */
export const DRAFT = { four: 4, six: 6, seven: 7, hybrid: 99 } as const
export type Draft = (typeof DRAFT)[keyof typeof DRAFT]

const META_SCHEMAS: ReadonlyMap<string, readonly [draft: Draft, schema: object]> = new Map([
  ['http://json-schema.org/draft-04/schema', [DRAFT.four, draft4]],
  ['http://json-schema.org/draft-06/schema', [DRAFT.six, draft6]],
  ['http://json-schema.org/draft-07/schema', [DRAFT.seven, draft7]],
])

/** What holds schemas under names of their own, of which none is a keyword. */
const NAMED = new Set(['properties', 'dependencies', 'patternProperties'])
/** What holds values that are no schemas. */
const LITERAL = new Set(['const', 'enum'])

export interface PoolDocument {
  readonly document: Json
  readonly draft: Draft | undefined
}

/** The documents that the references of a schema lead to. Nothing is fetched. */
export class Pool {
  readonly #documents = new Map<string, PoolDocument>()
  readonly #spend: (units: number) => void

  constructor(spend: (units: number) => void) {
    this.#spend = spend
  }

  /** Makes the references of a document full, and its named parts known. @throws {SchemaError} */
  add(document: Json, reference: string): void {
    if (this.#documents.has(reference)) throw alreadyThere(reference)
    const draft = draftOf(document)
    this.#scan(document, reference, draft)
    this.#documents.set(reference, { document, draft })
  }

  /** @throws {SchemaError} */
  get(reference: string): PoolDocument {
    const known = this.#documents.get(reference)
    if (known !== undefined) return known
    const base = withoutFragment(reference)
    const whole = this.#documents.get(base) ?? this.#metaSchema(base)
    if (whole === undefined) {
      if (!isFull(reference)) throw new SchemaError(`Reference ${reference} must be canonical`)
      throw new SchemaError(`remote reference loading disabled: ${reference}`)
    }
    const part = { document: follow(whole.document, pointerOf(reference)), draft: whole.draft }
    this.#documents.set(reference, part)
    return part
  }

  #metaSchema(reference: string): PoolDocument | undefined {
    const found = META_SCHEMAS.get(reference)
    if (found === undefined) return undefined
    const document = copyOf(readJson(JSON.stringify(found[1])) ?? null, this.#spend)
    this.add(document, reference)
    return this.#documents.get(reference)
  }

  #scan(node: Json, base: string, draft: Draft | undefined): void {
    this.#spend(64)
    if (Array.isArray(node)) for (const item of node) this.#scan(item, base, draft)
    if (!isJsonObject(node)) return
    const id = node.get(node.has('id') ? 'id' : '$id')
    let here = base
    if (typeof id === 'string') {
      here = canonical(resolved(base, id))
      if (this.#documents.has(here)) throw alreadyThere(here)
      this.#documents.set(here, { document: node, draft })
    }
    const reference = node.get('$ref')
    if (typeof reference === 'string') node.set('$ref', canonical(resolved(here, reference)))
    for (const [key, child] of node) {
      if (LITERAL.has(key)) continue
      if (!NAMED.has(key)) this.#scan(child, here, draft)
      else if (isJsonObject(child))
        for (const named of child.values()) this.#scan(named, here, draft)
    }
  }
}

/** The draft that a schema names; nothing where it names none, or another. @throws {SchemaError} */
export function draftOf(document: Json): Draft | undefined {
  if (typeof document === 'boolean') return undefined
  if (!isJsonObject(document)) throw new SchemaError('schema is invalid')
  const name = document.get('$schema')
  if (name === undefined) return undefined
  if (typeof name !== 'string') throw new SchemaError('$schema must be of type string')
  return META_SCHEMAS.get(checkedReference(name))?.[0]
}

function alreadyThere(reference: string): SchemaError {
  return new SchemaError(`Reference already exists: "${reference}"`)
}
