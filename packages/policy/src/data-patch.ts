import type { ModuleValues } from './module-values.ts'
import type { Exports } from './program.ts'

/** Data may need this part of its size more, at most, when an object in it grows. */
const SLACK = 1 / 4

/** A value of JSON for a place in the data; undefined takes out what is there. */
export interface Patch {
  readonly path: readonly string[]
  readonly text: string | undefined
}

/** Does all of a change that may fail, such as for want of memory, where it is forgotten. */
export function rehearse(
  { path, text }: Patch,
  { exports, values }: { readonly exports: Exports; readonly values: ModuleValues },
  dataBytes: number,
): void {
  if (text === undefined && exports.verdict_get === undefined) {
    throw new TypeError('the module names no function that looks for keys')
  }
  values.write(JSON.stringify(path))
  if (text !== undefined) values.write(text)
  exports.opa_malloc(Math.ceil(dataBytes * SLACK))
}

/**
 * Changes the data at an address; whether that is possible: all of the path but its last key must
 * lead to an object, or nowhere.
 */
export function patchData(
  { path, text }: Patch,
  { exports, values }: { readonly exports: Exports; readonly values: ModuleValues },
  data: number,
): boolean {
  const where = values.write(JSON.stringify(path))
  let failed = 0
  if (text !== undefined) {
    const value = values.write(text)
    failed = exports.opa_value_add_path(data, where, value)
    if (failed !== 0) exports.opa_value_free(value)
  } else if (path.length === 0) failed = 1
  // Asked for what is not there, or is in no object, the module would write where it must not.
  else if (has(path, exports, values, data)) failed = exports.opa_value_remove_path(data, where)
  exports.opa_value_free(where)
  return failed === 0
}

function has(
  path: readonly string[],
  exports: Exports,
  values: ModuleValues,
  data: number,
): boolean {
  let value = data
  for (const key of path) {
    const text = values.write(JSON.stringify(key))
    value = exports.verdict_get?.(value, text) ?? 0
    exports.opa_value_free(text)
    if (value === 0) return false
  }
  return true
}
