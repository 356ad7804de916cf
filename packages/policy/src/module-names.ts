import { type CalledBuiltins, calledBuiltins } from './builtin-calls.ts'
import type { Builtins } from './builtins/builtin.ts'
import type { ModuleValues } from './module-values.ts'
import type { Exports } from './program.ts'
import { isObject, type Value } from './value/value.ts'

/** What a module tells of itself. */
export interface ModuleNames {
  readonly entrypoints: ReadonlyMap<string, number>
  readonly builtins: CalledBuiltins
}

/** @throws {PolicyError} `builtin_unsupported` */
export function readNames(exports: Exports, values: ModuleValues, builtins: Builtins): ModuleNames {
  const called = numbersIn(values.read(exports.builtins()))
  return {
    entrypoints: numbersIn(values.read(exports.entrypoints())),
    builtins: calledBuiltins(called, builtins),
  }
}

/** Numbers by names, which modules keep as an object. */
function numbersIn(value: Value): ReadonlyMap<string, number> {
  return isObject(value) ? (value as ReadonlyMap<string, number>) : new Map()
}
