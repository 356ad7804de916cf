import type { WasmReader } from './binary.ts'

/** Instructions that the pass looks at; of the others it skips the operands. */
export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  branch: 0x0c,
  branchIf: 0x0d,
  return: 0x0f,
  call: 0x10,
  returnCallIndirect: 0x13,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Load: 0x28,
  i32LoadByte: 0x2d,
  i32LoadTwoBytes: 0x2f,
  i32Const: 0x41,
  i32Equal: 0x46,
  i32Differ: 0x47,
  i32LessSigned: 0x48,
  i32LessUnsigned: 0x49,
  i32GreaterUnsigned: 0x4b,
  i32NotLessUnsigned: 0x4f,
  i32Add: 0x6a,
  i32Subtract: 0x6b,
  i32Or: 0x72,
} as const

const CONVERSION_PREFIX = 0xfc
/** Beyond these, the prefix is that of copies of any length, whose cost a count of loops misses. */
const CONVERSION_MAX = 7
const BRANCH_TABLE = 0x0e
const SELECT_TYPED = 0x1c
const F32_CONST = 0x43
const F64_CONST = 0x44

/** How many numbers follow an instruction, by ranges of opcodes; others are no part of a module. */
const OPERANDS: readonly (readonly [first: number, last: number, numbers: number])[] = [
  [0x00, 0x01, 0],
  // The type of a block is one number as well.
  [OP.block, OP.if, 1],
  [OP.else, OP.else, 0],
  [OP.end, OP.end, 0],
  [OP.branch, OP.branchIf, 1],
  [OP.return, OP.return, 0],
  [OP.call, OP.call, 1],
  [0x11, 0x11, 2],
  [0x12, 0x12, 1],
  [0x13, 0x13, 2],
  [0x1a, 0x1b, 0],
  [0x20, 0x26, 1],
  // Loads and stores: an alignment and an offset.
  [0x28, 0x3e, 2],
  [0x3f, 0x42, 1],
  [0x45, 0xc4, 0],
  [0xd0, 0xd0, 1],
  [0xd1, 0xd1, 0],
  [0xd2, 0xd2, 1],
]

const numbersAfter = new Int8Array(256).fill(-1)
for (const [first, last, numbers] of OPERANDS) numbersAfter.fill(numbers, first, last + 1)

/**
 * Reads one instruction with its operands (core specification 5.4): its opcode.
 * @throws {RangeError} where it is of no kind that OPA writes, such as one on vectors
 */
export function readInstruction(reader: WasmReader): number {
  const opcode = reader.byte()
  const numbers = numbersAfter[opcode] ?? -1
  if (numbers >= 0) {
    skipNumbers(reader, numbers)
    return opcode
  }
  switch (opcode) {
    case F32_CONST:
      reader.skip(4)
      return opcode
    case F64_CONST:
      reader.skip(8)
      return opcode
    case BRANCH_TABLE:
      skipNumbers(reader, reader.unsigned() + 1)
      return opcode
    case SELECT_TYPED:
      skipNumbers(reader, reader.unsigned())
      return opcode
    case CONVERSION_PREFIX:
      if (reader.unsigned() > CONVERSION_MAX) throw unknown(opcode)
      return opcode
    default:
      throw unknown(opcode)
  }
}

function skipNumbers(reader: WasmReader, count: number): void {
  for (let skipped = 0; skipped < count; skipped++) reader.skipNumber()
}

function unknown(opcode: number): RangeError {
  return new RangeError(`it has an instruction 0x${opcode.toString(16)} that is not known`)
}
