import { isObject, type Value } from '../value/value.ts'
import { GrowingObject, type Spend } from './growing.ts'

/** A copy with a value at these keys, as `with` has it: what is no object on the way becomes one. */
export function upserted(
  base: Value | undefined,
  [key, ...rest]: readonly string[],
  value: Value,
  spend: Spend,
): Value {
  if (key === undefined) return value
  const copy = new GrowingObject(spend)
  if (base !== undefined && isObject(base)) {
    spend(base.size)
    for (const [own, held] of base) copy.insert(own, held)
  }
  copy.insert(key, upserted(copy.get(key), rest, value, spend))
  return copy
}
