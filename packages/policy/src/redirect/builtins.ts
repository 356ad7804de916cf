import type { Builtin } from '../builtins/builtin.ts'
import { NATIVE_BUILTINS } from '../builtins/native/registry.ts'
import { REDIRECTED } from './functions.ts'

/** The built-ins that answer for the module's own, by the numbers that it calls them by. */
export const REDIRECTED_BUILTINS: ReadonlyMap<number, Builtin> = new Map(
  REDIRECTED.flatMap(({ id, builtin }) => {
    const found = builtin === undefined ? undefined : NATIVE_BUILTINS[builtin]
    return found === undefined ? [] : [[id, found]]
  }),
)
