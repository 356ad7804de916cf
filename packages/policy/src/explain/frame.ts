import type { Evaluation } from '../builtins/builtin.ts'
import type { Operand, Statement } from '../plan/plan.ts'
import type { Value } from '../value/value.ts'
import type { Program, ProgramFunction } from './program.ts'

/**
 * How a statement ends: the next one comes, or so many blocks around it are left (0 is its own,
 * which is how a condition fails), or the function returns.
 */
export type Exit = number
export const NEXT: Exit = -1
export const FAILED: Exit = 0
export const RETURN: Exit = Number.POSITIVE_INFINITY

/** How a block that was left so looks from outside. */
export function outside(exit: Exit, blocks = 1): Exit {
  return exit === NEXT || exit < blocks ? NEXT : exit - blocks
}

/** One evaluation of a function, or of an entrypoint, which is none. */
export interface Frame {
  readonly func: ProgramFunction | undefined
  readonly locals: (Value | undefined)[]
  returned: Value | undefined
}

/** Who watches an evaluation; nothing of it changes what is evaluated. */
export interface Observer {
  /** A function begins; the caller's operands are its first locals. */
  entered(frame: Frame, caller: Frame, statement: Statement): void
  /** A statement is about to run. */
  begins(frame: Frame, statement: Statement): void
  /** A statement has run, with all that is within it. */
  ran(frame: Frame, statement: Statement, exit: Exit): void
  /** A function or a built-in gave this; `callee` is absent for a built-in. */
  called(caller: Frame, statement: Statement, call: Called): void
  /** The next member: key and value are in their locals. */
  iterated(frame: Frame, statement: Statement): void
}

export interface Called {
  readonly name: string
  readonly operands: readonly Operand[]
  readonly value: Value | undefined
  /** Whether it had been evaluated before. */
  readonly remembered: boolean
  readonly callee?: Frame
}

/** What statements work with. */
export interface Running {
  readonly program: Program
  readonly evaluation: Evaluation
  readonly spend: (units: number) => void
  /** What the entrypoint has added to its result set. */
  readonly results: Value[]
}

export function read(
  { program }: Pick<Running, 'program'>,
  { locals }: Frame,
  operand: Operand,
): Value | undefined {
  switch (operand.type) {
    case 'local':
      return locals[operand.value]
    case 'string_index':
      return program.strings[operand.value]
    default:
      return operand.value
  }
}
