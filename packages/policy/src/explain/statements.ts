import type { Local, Operand } from '../plan/plan.ts'
import { compare, equal, hasMember, valueAt } from '../value/compare.ts'
import { isArray, isObject, isSet, type Value } from '../value/value.ts'
import { type Exit, FAILED, type Frame, NEXT, RETURN, type Running, read } from './frame.ts'
import { GrowingObject, GrowingSet, type Spend } from './growing.ts'
import { constantNumber } from './program.ts'

/** The fields that statements have, each as far as its type has them. */
export interface Fields {
  readonly a: Operand
  readonly b: Operand
  readonly array: Local
  readonly key: Operand
  readonly object: Local
  readonly set: Local
  readonly source: Operand
  readonly target: Local
  readonly value: Operand
  readonly index: number
}
type Simple = (running: Running, frame: Frame, stmt: Fields) => Exit

/** The plan contradicts itself: what a module ends with too. */
export class PlanAbort extends Error {
  override readonly name = 'PlanAbort'
}

/** Statements without others in them, by their types. */
export const SIMPLE_STATEMENTS: Readonly<Record<string, Simple>> = {
  NopStmt: () => NEXT,
  BreakStmt: (_, __, { index }) => index,
  ReturnLocalStmt: (_, frame, { source }) => {
    frame.returned = localAt(frame, source)
    return RETURN
  },
  ResultSetAddStmt: (running, frame, { value }) => {
    const added = localAt(frame, value)
    if (added !== undefined) running.results.push(added)
    return NEXT
  },
  ResetLocalStmt: (_, frame, { target }) => set(frame, target, undefined),
  AssignVarStmt: (running, frame, { source, target }) =>
    set(frame, target, read(running, frame, source)),
  AssignVarOnceStmt: (running, frame, { source, target }) => {
    const value = read(running, frame, source)
    const before = frame.locals[target]
    if (before === undefined) return set(frame, target, value)
    if (value !== undefined && equal(before, value)) return NEXT
    throw new PlanAbort('complete rules must not produce multiple outputs')
  },
  AssignIntStmt: (_, frame, { value, target }) => set(frame, target, value as unknown as number),
  MakeNumberIntStmt: (_, frame, { value, target }) =>
    set(frame, target, (value as unknown as number | undefined) ?? 0),
  MakeNumberRefStmt: ({ program }, frame, stmt) => {
    // OPA writes the field with a capital letter, and some of its versions both.
    const { Index = stmt.index } = stmt as { Index?: number }
    return set(frame, stmt.target, constantNumber(program, Index))
  },
  MakeNullStmt: (_, frame, { target }) => set(frame, target, null),
  MakeArrayStmt: (_, frame, { target }) => set(frame, target, []),
  MakeObjectStmt: ({ spend }, frame, { target }) => set(frame, target, new GrowingObject(spend)),
  MakeSetStmt: ({ spend }, frame, { target }) => set(frame, target, new GrowingSet(spend)),
  ArrayAppendStmt: (running, frame, { value, array }) => {
    const [to, added] = [frame.locals[array], read(running, frame, value)]
    if (Array.isArray(to) && added !== undefined) to.push(added)
    return NEXT
  },
  SetAddStmt: (running, frame, stmt) => {
    const [to, added] = [frame.locals[stmt.set], read(running, frame, stmt.value)]
    if (to instanceof GrowingSet && added !== undefined) to.insert(added)
    return NEXT
  },
  ObjectInsertStmt: (running, frame, stmt) => insert(running, frame, stmt, false),
  ObjectInsertOnceStmt: (running, frame, stmt) => insert(running, frame, stmt, true),
  ObjectMergeStmt: (running, frame, { a, b, target }) =>
    set(frame, target, merged(localAt(frame, a), localAt(frame, b), running.spend)),
  DotStmt: (running, frame, { source, key, target }) => {
    const found = lookUp(read(running, frame, source), read(running, frame, key))
    frame.locals[target] = found
    return found === undefined ? FAILED : NEXT
  },
  LenStmt: (running, frame, { source, target }) =>
    set(frame, target, lengthOf(read(running, frame, source))),
  EqualStmt: (running, frame, { a, b }) =>
    same(read(running, frame, a), read(running, frame, b)) ? NEXT : FAILED,
  NotEqualStmt: (running, frame, { a, b }) =>
    same(read(running, frame, a), read(running, frame, b)) ? FAILED : NEXT,
  IsArrayStmt: (running, frame, { source }) => held(isKind(isArray, running, frame, source)),
  IsObjectStmt: (running, frame, { source }) => held(isKind(isObject, running, frame, source)),
  IsSetStmt: (running, frame, { source }) => held(isKind(isSet, running, frame, source)),
  IsDefinedStmt: (_, frame, { source }) => held(localAt(frame, source) !== undefined),
  IsUndefinedStmt: (_, frame, { source }) => held(localAt(frame, source) === undefined),
}

/** The value of a key in a value; a member of a set is its own. */
export function lookUp(value: Value | undefined, key: Value | undefined): Value | undefined {
  if (value === undefined || key === undefined) return undefined
  if (isArray(value)) return typeof key === 'number' && key >= 0 ? value[key] : undefined
  if (isObject(value)) return valueAt(value, key)
  if (isSet(value)) return hasMember(value, key) ? key : undefined
  return undefined
}

/** Some fields are locals without saying so. */
function localAt(frame: Frame, local: unknown): Value | undefined {
  return frame.locals[local as Local]
}

function set(frame: Frame, target: Local, value: Value | undefined): Exit {
  frame.locals[target] = value
  return NEXT
}

function held(holds: boolean): Exit {
  return holds ? NEXT : FAILED
}

function isKind(
  is: (value: Value) => boolean,
  running: Running,
  frame: Frame,
  source: Operand,
): boolean {
  const value = read(running, frame, source)
  return value !== undefined && is(value)
}

function same(a: Value | undefined, b: Value | undefined): boolean {
  return a === undefined || b === undefined ? a === b : compare(a, b) === 0
}

function lengthOf(value: Value | undefined): number {
  if (value === undefined) return 0
  if (isArray(value)) return value.length
  if (isObject(value) || isSet(value)) return value.size
  return typeof value === 'string' ? Buffer.byteLength(value) : 0
}

function insert(running: Running, frame: Frame, stmt: Fields, once: boolean): Exit {
  const object = frame.locals[stmt.object]
  const key = read(running, frame, stmt.key)
  const value = read(running, frame, stmt.value)
  if (!(object instanceof GrowingObject) || key === undefined || value === undefined) return NEXT
  const before = once ? valueAt(object, key) : undefined
  if (before !== undefined && !equal(before, value)) {
    throw new PlanAbort('object keys must be unique')
  }
  object.insert(key, value)
  return NEXT
}

/** Objects with the members of both; where both have a value that is no object, the first's. */
function merged(a: Value | undefined, b: Value | undefined, spend: Spend): Value | undefined {
  if (a === undefined) return b
  if (b === undefined || !isObject(a) || !isObject(b)) return a
  const result = new GrowingObject(spend)
  spend(a.size + b.size)
  for (const [key, value] of a) {
    const all = merged(value, valueAt(b, key), spend)
    if (all !== undefined) result.insert(key, all)
  }
  for (const [key, value] of b) if (valueAt(a, key) === undefined) result.insert(key, value)
  return result
}
