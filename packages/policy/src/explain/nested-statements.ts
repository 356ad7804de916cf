import type { Block, Local, Operand } from '../plan/plan.ts'
import { isArray, isObject, isSet, type Value } from '../value/value.ts'

/** Statements that have others in them, or call functions, by their fields. */
export interface Nested {
  readonly block: Block
  readonly blocks: readonly Block[] | null
}

export interface Call {
  readonly func: string
  /** OPA writes `null` where there are none. */
  readonly args: readonly Operand[] | null
  readonly result: Local
}

export interface DynamicCall {
  readonly args: readonly Local[]
  readonly path: readonly Operand[]
  readonly result: Local
}

export interface Scan {
  readonly source: Local
  readonly key: Local
  readonly value: Local
  readonly block: Block
}

export interface With {
  readonly local: Local
  readonly path?: readonly number[] | null
  readonly value: Operand
  readonly block: Block
}

/** Keys and values, in Rego's order; of a set, its members twice. */
export function members(value: Value | undefined): Iterable<readonly [Value, Value | undefined]> {
  if (value === undefined) return []
  if (isArray(value)) return value.entries()
  if (isSet(value)) return Array.from(value, (member) => [member, member] as const)
  return isObject(value) ? Array.from(value) : []
}
