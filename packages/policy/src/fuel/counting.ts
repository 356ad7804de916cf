import { unsignedBytes, type WasmReader, WasmWriter } from '../wasm/binary.ts'
import { OP, readInstruction } from '../wasm/instructions.ts'

/** The type of a number of 32 bits. */
export const I32 = 0x7f

const NO_RESULT = 0x40
const TURN_WEIGHT = 1

export interface Counted {
  /** How many parameters the function has, which come before its locals. */
  readonly parameters: number
  /** What a call of it takes, even where it calls nothing; less than 64. */
  readonly weight: number | undefined
  /** The index of the global. */
  readonly fuel: number
}

/** What a call takes where it is no matter of what is called. */
const CALL_WEIGHT = 1

/**
 * Reads the body of a function, which ends at `end`, and writes it with what counts its calls and
 * the turns of its loops. A body is its locals, as runs of one type, then its instructions. A
 * function that calls nothing is part of its caller's step.
 * @throws {RangeError}
 */
export function counting(
  reader: WasmReader,
  end: number,
  { parameters, weight, fuel }: Counted,
): Uint8Array {
  const { bytes } = reader
  const runs = reader.unsigned()
  const begin = reader.at
  let locals = parameters
  for (let run = 0; run < runs; run++) {
    locals += reader.unsigned()
    reader.byte()
  }
  const writer = new WasmWriter((end - begin) * 2 + 64)
  writer.unsigned(runs + 1)
  writer.add(bytes.subarray(begin, reader.at))
  writer.add([1, I32])
  let copied = reader.at
  const { loops, calls } = structureOf(reader, end)
  const code = codeFor(fuel, locals)
  const entry = weight ?? (calls ? CALL_WEIGHT : undefined)
  if (entry !== undefined) writer.add([...code.load, ...code.take(entry)])
  for (const { before, behind, isTight } of loops) {
    writer.add(bytes.subarray(copied, before))
    if (isTight) writer.add(code.load)
    writer.add(bytes.subarray(before, behind))
    if (!isTight) writer.add(code.load)
    writer.add(code.take(TURN_WEIGHT))
    copied = behind
  }
  writer.add(bytes.subarray(copied, end))
  return writer.written()
}

interface Loop {
  /** Where its instruction begins, and where its body does. */
  readonly before: number
  readonly behind: number
  /** Whether nothing but its own turns is counted while it runs. */
  isTight: boolean
}

function structureOf(reader: WasmReader, end: number): { loops: Loop[]; calls: boolean } {
  const loops: Loop[] = []
  const open: (Loop | undefined)[] = []
  let calls = false
  const loosen = () => {
    for (const loop of open) if (loop !== undefined) loop.isTight = false
  }
  while (reader.at < end) {
    const before = reader.at
    const opcode = readInstruction(reader)
    if (opcode === OP.block || opcode === OP.if) open.push(undefined)
    else if (opcode === OP.end) open.pop()
    else if (opcode === OP.loop) {
      loosen()
      const loop = { before, behind: reader.at, isTight: true }
      loops.push(loop)
      open.push(loop)
    } else if (opcode >= OP.call && opcode <= OP.returnCallIndirect) {
      loosen()
      calls = true
    }
  }
  if (reader.at !== end) throw new RangeError('a function is not of the size that it says')
  return { loops, calls }
}

/**
 * What is left is in the global between functions and loops. A tight loop also has it in a local,
 * and only writes the global: to read in each turn what the last one wrote would be its slowest
 * part.
 *
 *     load   global.get $fuel  local.set $left
 *     take   local.get $left  i32.const 1  i32.sub  local.tee $left  global.set $fuel
 *            local.get $left  i32.const 0  i32.lt_s  if  unreachable  end
 */
function codeFor(fuel: number, left: number) {
  const [global, local] = [unsignedBytes(fuel), unsignedBytes(left)]
  return {
    load: [OP.globalGet, ...global, OP.localSet, ...local],
    take: (weight: number) => [
      ...[OP.localGet, ...local, OP.i32Const, weight, OP.i32Subtract],
      ...[OP.localTee, ...local, OP.globalSet, ...global],
      ...[OP.localGet, ...local, OP.i32Const, 0, OP.i32LessSigned],
      ...[OP.if, NO_RESULT, OP.unreachable, OP.end],
    ],
  }
}
