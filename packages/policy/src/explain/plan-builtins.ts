import { BuiltinError, type Builtins, type Evaluation } from '../builtins/builtin.ts'
import { NATIVE_BUILTINS } from '../builtins/native/registry.ts'
import { HOST_BUILTINS, requireBuiltins } from '../builtins/registry.ts'
import type { Value } from '../value/value.ts'

/** All that a plan may call: what modules ask their host for, and what they have themselves. */
const BUILTINS: Builtins = { ...HOST_BUILTINS, ...NATIVE_BUILTINS }

/**
 * What a built-in answers; undefined where it has no value for its operands.
 * @throws {PolicyError} `builtin_unsupported`
 */
export function callBuiltin(
  name: string,
  operands: readonly (Value | undefined)[],
  evaluation: Evaluation,
): Value | undefined {
  if (!Object.hasOwn(BUILTINS, name)) requireBuiltins([name], BUILTINS)
  if (!operands.every((operand) => operand !== undefined)) return undefined
  try {
    return BUILTINS[name]?.(evaluation, ...operands)
  } catch (thrown) {
    if (thrown instanceof BuiltinError) return undefined
    throw thrown
  }
}
