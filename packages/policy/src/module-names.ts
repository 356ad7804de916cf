import { type CalledBuiltins, calledBuiltins } from './builtin-calls.ts'
import type { Builtins } from './builtins/builtin.ts'
import { HELD } from './labels/held.ts'
import type { ModuleValues } from './module-values.ts'
import type { Exports } from './program.ts'
import { isObject, type Value } from './value/value.ts'

/** What a module tells of itself. */
export interface ModuleNames {
  readonly entrypoints: ReadonlyMap<string, number>
  readonly builtins: CalledBuiltins
  /** The number by which it tells that a rule holds; undefined where it does not tell. */
  readonly held: number | undefined
}

/** @throws {PolicyError} `builtin_unsupported` */
export function readNames(exports: Exports, values: ModuleValues, builtins: Builtins): ModuleNames {
  const called = new Map(numbersIn(values.read(exports.builtins())))
  const held = called.get(HELD)
  called.delete(HELD)
  return {
    entrypoints: numbersIn(values.read(exports.entrypoints())),
    builtins: calledBuiltins(called, builtins),
    held,
  }
}

/** Numbers by names, which modules keep as an object. */
function numbersIn(value: Value): ReadonlyMap<string, number> {
  return isObject(value) ? (value as ReadonlyMap<string, number>) : new Map()
}
