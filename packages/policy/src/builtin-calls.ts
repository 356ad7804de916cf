import { type Builtin, BuiltinError, type Builtins, type Evaluation } from './builtins/builtin.ts'
import { requireBuiltins } from './builtins/registry.ts'
import type { ModuleValues } from './module-values.ts'
import { isArray, isObject, isSet, type Value } from './value/value.ts'

/** What it costs to hand a member of a built-in's result to the module, in units. */
const UNITS_PER_MEMBER = 16

/** The built-ins of the host by the numbers by which a module calls them. */
export type CalledBuiltins = ReadonlyMap<number, Builtin>

/** @throws {PolicyError} `builtin_unsupported` */
export function calledBuiltins(
  called: ReadonlyMap<string, number>,
  builtins: Builtins,
): CalledBuiltins {
  requireBuiltins(called.keys(), builtins)
  return new Map([...called].map(([name, id]) => [id, builtins[name] as Builtin]))
}

/** Calls a built-in; 0, which is undefined, where it has no value for its operands. */
export function callBuiltin(
  builtin: Builtin,
  operands: readonly number[],
  { values, evaluation }: { readonly values: ModuleValues; readonly evaluation: Evaluation },
): number {
  const read = operands.map((operand) => values.read(operand))
  let result: Value
  try {
    result = builtin(evaluation, ...read)
  } catch (thrown) {
    if (thrown instanceof BuiltinError) return 0
    throw thrown
  }
  evaluation.spend(sizeOf(result) * UNITS_PER_MEMBER)
  return values.make(result)
}

/** The members of a collection; what is in them was paid for when it was made. */
function sizeOf(value: Value): number {
  if (isArray(value)) return value.length
  return isObject(value) || isSet(value) ? value.size : 0
}
