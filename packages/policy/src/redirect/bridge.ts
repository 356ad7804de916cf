import { unsignedBytes } from '../wasm/binary.ts'
import { OP } from '../wasm/instructions.ts'
import { constant } from './constant.ts'
import type { Occasion, Redirected } from './functions.ts'

/** A function of ours in a module that calls the host, in the place of one of its own. */
export interface Bridge extends Pick<Redirected, 'id' | 'operands' | 'when'> {
  readonly index: number
  /** What it stands for. */
  readonly own: number
  /** The import that it calls. */
  readonly host: number
  /** The function that tells fractions. */
  readonly fraction: number
}

const NO_LOCALS = 0
const I32 = 0x7f
/** The first byte of a value is its type. */
const OBJECT = 6
const SET = 7

/**
 * The body of the function. Where only some operands are for the host:
 *
 *     <occasion>  if  <call of the host>  else  <call of the module's own>  end
 */
export function bridgeBody({ own, host, fraction, id, operands, when }: Bridge): Uint8Array {
  const locals = Array.from({ length: operands }, (_, at) => at)
  const given = locals.flatMap((local) => [OP.localGet, local])
  const asked = [...constant(id), ...constant(0), ...given, OP.call, ...unsignedBytes(host)]
  const condition = conditionOf(when, locals, fraction)
  if (condition === undefined) return Uint8Array.from([NO_LOCALS, ...asked, OP.end])
  const answered = [...given, OP.call, ...unsignedBytes(own)]
  const either = [OP.if, I32, ...asked, OP.else, ...answered, OP.end]
  return Uint8Array.from([NO_LOCALS, ...condition, ...either, OP.end])
}

/** Leaves 1 where a call is for the host; undefined where each is. */
function conditionOf(
  when: Occasion,
  locals: readonly number[],
  fraction: number,
): number[] | undefined {
  const type = (local: number) => [OP.localGet, local, OP.i32LoadByte, 0, 0]
  const isOfType = (local: number, wanted: number) => [
    ...type(local),
    ...constant(wanted),
    OP.i32Equal,
  ]
  const isFraction = (local: number) => [OP.localGet, local, OP.call, ...unsignedBytes(fraction)]
  switch (when) {
    case 'always':
    case 'ordered rules':
      return undefined
    case 'unordered':
      return [...isOfType(0, OBJECT), ...isOfType(0, SET), OP.i32Or]
    case 'set':
      return any(locals, (local) => isOfType(local, SET))
    case 'fraction':
      return any(locals, isFraction)
  }
}

function any(locals: readonly number[], test: (local: number) => number[]): number[] {
  return locals.flatMap((local) => [...test(local), ...(local === 0 ? [] : [OP.i32Or])])
}
