/** A schema that OPA refuses, and what it says of it. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
}
