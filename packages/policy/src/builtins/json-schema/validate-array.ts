import type { RegoArray } from '../../value/value.ts'
import type { Json } from './json.ts'
import { canonicalJson } from './keywords.ts'
import type { Path, Result, Validation } from './result.ts'
import type { SubSchema } from './sub-schema.ts'

export function validateArray(schema: SubSchema, value: RegoArray, validation: Validation): void {
  const { path, result } = validation
  items(schema, value, validation)
  const { minItems, maxItems } = schema
  if (minItems !== undefined && value.length < minItems) {
    result.add('array_min_items', path, `Array must have at least ${minItems} items`)
  }
  if (maxItems !== undefined && value.length > maxItems) {
    result.add('array_max_items', path, `Array must have at most ${maxItems} items`)
  }
  if (schema.uniqueItems === true) unique(value, path, result)
  if (schema.contains !== undefined) contains(schema.contains, value, validation)
  result.pass()
}

function items(
  schema: SubSchema,
  value: RegoArray,
  { path, result, spend, check }: Validation,
): void {
  const { items: schemas = [], isSingleItem, additionalItems } = schema
  for (const [at, item] of value.entries()) {
    const own = isSingleItem === true ? schemas[0] : schemas[at]
    const rest =
      schemas.length > 0 && typeof additionalItems === 'object' ? additionalItems : undefined
    const applied = own ?? rest
    if (applied !== undefined) result.merge(check(applied, item, [...path, String(at)], spend))
  }
  const isMore = schemas.length > 0 && isSingleItem !== true && schemas.length < value.length
  if (isMore && additionalItems === false) {
    result.add('array_no_additional_items', path, 'No additional items allowed on array')
  }
}

function unique(value: RegoArray, path: Path, result: Result): void {
  const seen = new Map<string, number>()
  for (const [at, item] of value.entries()) {
    const text = canonicalJson(item as Json)
    const before = seen.get(text)
    if (before !== undefined) {
      result.add('unique', path, `array items[${before},${at}] must be unique`)
    }
    seen.set(text, at)
  }
}

function contains(
  schema: SubSchema,
  value: RegoArray,
  { path, result, spend, check }: Validation,
): void {
  let best: Result | undefined
  for (const [at, item] of value.entries()) {
    const found = check(schema, item, [...path, String(at)], spend)
    if (found.isValid) return
    if (best === undefined || found.score > best.score) best = found
  }
  result.add('contains', path, 'At least one of the items must match')
  if (best !== undefined) result.merge(best)
}
