import type { WasmReader } from '../wasm/binary.ts'
import { OP, readInstruction } from '../wasm/instructions.ts'

/** The indices of the module's own functions that matter here; undefined where it has none. */
export interface OwnFunctions {
  /** The next key of a value: `opa_value_iter(value, previous)`. */
  readonly iterate: number | undefined
  readonly newArray: number | undefined
  readonly append: number | undefined
}

/** A call in the code: where the index of the function is, and which function it is. */
export interface CallSite {
  readonly at: number
  readonly end: number
  readonly callee: number
}

export interface Sites {
  readonly calls: readonly CallSite[]
  /** Those of `iterate` whose order shows in an array. */
  readonly ordered: ReadonlySet<CallSite>
}

interface Loop {
  iteration: CallSite | undefined
  /** Locals that hold arrays which each turn makes anew. */
  readonly made: Set<number>
  isOrdered: boolean
}

/**
 * The calls in the body of a function that OPA made of rules, up to `end`. It is known how OPA
 * writes a loop and an array:
 *
 *     i32.const n  call $newArray  local.set $array
 *     loop  … call $iterate … local.get $array  <value>  call $append … end
 *
 * A loop is ordered where it appends to an array that was made before it.
 * @throws {RangeError}
 */
export function sitesIn(reader: WasmReader, end: number, own: OwnFunctions): Sites {
  skipLocals(reader)
  const calls: CallSite[] = []
  const loops: Loop[] = []
  const open: (Loop | undefined)[] = []
  const history = new History()
  while (reader.at < end) {
    const begin = reader.at
    const opcode = readInstruction(reader)
    const operand = operandOf(reader, begin, opcode)
    if (opcode === OP.block || opcode === OP.if) open.push(undefined)
    else if (opcode === OP.end) open.pop()
    else if (opcode === OP.loop) {
      const loop: Loop = { iteration: undefined, made: new Set(), isOrdered: false }
      loops.push(loop)
      open.push(loop)
    } else if (opcode === OP.localSet) {
      const called = history.called(1)
      if (called !== undefined && called === own.newArray) innermost(open)?.made.add(operand)
    } else if (opcode === OP.call) {
      const site = { at: begin + 1, end: reader.at, callee: operand }
      calls.push(site)
      const loop = innermost(open)
      if (operand === own.iterate && loop !== undefined) loop.iteration ??= site
      if (operand === own.append) appended(open, history.local(2))
    }
    history.add(opcode, operand)
  }
  if (reader.at !== end) throw new RangeError('a function is not of the size that it says')
  const ordered = loops.flatMap(({ isOrdered, iteration }) =>
    isOrdered && iteration !== undefined ? [iteration] : [],
  )
  return { calls, ordered: new Set(ordered) }
}

/** Of the loops around, those in which the array was not made. */
function appended(open: readonly (Loop | undefined)[], array: number | undefined): void {
  for (const loop of open.toReversed()) {
    if (loop === undefined) continue
    if (array !== undefined && loop.made.has(array)) return
    loop.isOrdered = true
  }
}

function innermost(open: readonly (Loop | undefined)[]): Loop | undefined {
  return open.findLast((loop) => loop !== undefined)
}

/** The first operand of an instruction that has one number; elsewhere it means nothing. */
function operandOf(reader: WasmReader, begin: number, opcode: number): number {
  if (opcode !== OP.call && opcode !== OP.localGet && opcode !== OP.localSet) return -1
  const after = reader.at
  reader.at = begin + 1
  const operand = reader.unsigned()
  reader.at = after
  return operand
}

/** Runs of locals of one type. */
function skipLocals(reader: WasmReader): void {
  for (let run = reader.unsigned(); run > 0; run--) {
    reader.unsigned()
    reader.byte()
  }
}

/** The last instructions. */
class History {
  readonly #last: (readonly [opcode: number, operand: number])[] = []

  add(opcode: number, operand: number): void {
    this.#last.unshift([opcode, operand])
    this.#last.length = Math.min(this.#last.length, 2)
  }

  /** What the instruction so many before called. */
  called(before: 1 | 2): number | undefined {
    const [opcode, operand] = this.#last[before - 1] ?? []
    return opcode === OP.call ? operand : undefined
  }

  /** The local that it read. */
  local(before: 1 | 2): number | undefined {
    const [opcode, operand] = this.#last[before - 1] ?? []
    return opcode === OP.localGet ? operand : undefined
  }
}
