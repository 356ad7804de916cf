import { isObject, type Value } from '../../value/value.ts'
import type { Path, Result, Validation } from './result.ts'
import type { SubSchema } from './sub-schema.ts'

/** What a schema says by other schemas. */
export function validateCombinations(
  schema: SubSchema,
  value: Value,
  validation: Validation,
): void {
  const { path, result, spend, check } = validation
  const against = (part: SubSchema) => check(part, value, path, spend)
  anyOf(schema.anyOf ?? [], against, path, result)
  oneOf(schema.oneOf ?? [], against, path, result)
  const all = (schema.allOf ?? []).map(against)
  for (const part of all) result.merge(part)
  if (all.some((part) => !part.isValid)) {
    result.add('number_all_of', path, 'Must validate all the schemas (allOf)')
  }
  if (schema.not !== undefined && against(schema.not).isValid) {
    result.add('number_not', path, 'Must not validate the schema (not)')
  }
  if (isObject(value)) dependencies(schema, value, validation)
  conditions(schema, against, path, result)
  result.pass()
}

type Against = (part: SubSchema) => Result

function anyOf(parts: readonly SubSchema[], against: Against, path: Path, result: Result): void {
  let best: Result | undefined
  for (const part of parts) {
    const found = against(part)
    if (found.isValid) return
    if (best === undefined || found.score > best.score) best = found
  }
  if (best === undefined) return
  result.add('number_any_of', path, 'Must validate at least one schema (anyOf)')
  result.merge(best)
}

function oneOf(parts: readonly SubSchema[], against: Against, path: Path, result: Result): void {
  if (parts.length === 0) return
  let valid = 0
  let best: Result | undefined
  for (const part of parts) {
    const found = against(part)
    if (found.isValid) valid++
    else if (valid === 0 && (best === undefined || found.score > best.score)) best = found
  }
  if (valid === 1) return
  result.add('number_one_of', path, 'Must validate one and only one schema (oneOf)')
  if (valid === 0 && best !== undefined) result.merge(best)
}

function dependencies(
  schema: SubSchema,
  value: ReadonlyMap<Value, Value>,
  validation: Validation,
): void {
  const { path, result, validate } = validation
  if (schema.dependencies === undefined) return
  for (const key of value.keys()) {
    const dependency = schema.dependencies.get(String(key))
    if (dependency === undefined) continue
    if (!Array.isArray(dependency)) validate(dependency as SubSchema, value, validation)
    else {
      for (const name of dependency) {
        if (value.has(name)) continue
        result.add('missing_dependency', path, `Has a dependency on ${name}`)
      }
    }
  }
}

function conditions(schema: SubSchema, against: Against, path: Path, result: Result): void {
  if (schema.if === undefined) return
  const isMet = against(schema.if).isValid
  const branch = isMet ? schema.then : schema.else
  const found = branch === undefined ? undefined : against(branch)
  if (found === undefined || found.isValid) return
  if (isMet) result.add('condition_then', path, 'Must validate "then" as "if" was valid')
  else result.add('condition_else', path, 'Must validate "else" as "if" was not valid')
  result.merge(found)
}
