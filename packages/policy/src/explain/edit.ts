import { objectOf } from '../value/compare.ts'
import { isArray, isObject, isSet, type Value } from '../value/value.ts'
import { lookUp } from './statements.ts'
import type { Want } from './wants.ts'

/** The input as somebody wants it; undefined where the change cannot be made, or changes nothing. */
export function edited(input: Value | undefined, want: Want): Value | undefined {
  return at(input, want.path, want)
}

function at(value: Value | undefined, path: readonly Value[], want: Want): Value | undefined {
  const [key, ...rest] = path
  if (key === undefined) return changed(value, want)
  const inner = at(value === undefined ? undefined : lookUp(value, key), rest, want)
  if (want.kind === 'lack' && rest.length === 0) return without(value, key)
  if (inner === undefined) return undefined
  if (value !== undefined && isArray(value)) {
    if (typeof key !== 'number' || key > value.length || key < 0) return undefined
    return key === value.length ? [...value, inner] : value.with(key, inner)
  }
  if (typeof key !== 'string') return undefined
  // What is no object cannot hold the key: it would have to be one.
  const entries = value !== undefined && isObject(value) ? [...value] : []
  return objectOf([...entries, [key, inner]])
}

function changed(value: Value | undefined, want: Want): Value | undefined {
  if (want.kind !== 'contain') return want.value
  if (want.value === undefined) return undefined
  if (value !== undefined && isObject(value)) return undefined
  return [...(value !== undefined && isArray(value) ? value : []), want.value]
}

function without(value: Value | undefined, key: Value): Value | undefined {
  if (value === undefined || !isObject(value) || isSet(value)) return undefined
  return new Map([...value].filter(([own]) => own !== key))
}
