import { isArray, isObject, type RegoNumber, type Value } from '../../value/value.ts'

/** JSON that may be changed: references in a schema are rewritten before it is read. */
export type Json = null | boolean | string | RegoNumber | Json[] | JsonObject
export type JsonObject = Map<string, Json>

/** A copy of a `jsonValue`. */
export function copyOf(value: Value, spend: (units: number) => void): Json {
  spend(32)
  if (isArray(value)) return value.map((item) => copyOf(item, spend))
  if (!isObject(value)) return value as Json
  return new Map([...value].map(([key, held]) => [String(key), copyOf(held, spend)]))
}

export function isJsonObject(node: Json | undefined): node is JsonObject {
  return node instanceof Map
}
