import { OP } from '../wasm/instructions.ts'
import { constant } from './constant.ts'

const I32 = 0x7f
const EMPTY = 0x40
/** The first byte of a number is its type, the second is 2 where it is kept as text. */
const NUMBER_AS_TEXT = 0x0203
/** Where the text is, and how long. */
const TEXT = [2, 8]
const LENGTH = [2, 12]
const BYTE = [0, 0]
/** So many characters are an integer of 64 bits, its sign included. */
const LENGTH_MAX = 18
const [ZERO, MINUS, DIGITS] = [48, 45, 10]
const [VALUE, AT, END] = [0, 1, 2]

/**
 * The body of a function that tells whether a value is a number that no integer of 64 bits is:
 * modules keep the numbers of their input as text, integers too.
 */
export function fractionBody(): Uint8Array {
  const get = (local: number) => [OP.localGet, local]
  const isNoText = [
    ...[...get(VALUE), OP.i32LoadTwoBytes, ...BYTE],
    ...[...constant(NUMBER_AS_TEXT), OP.i32Differ],
  ]
  const length = [...get(VALUE), OP.i32Load, ...LENGTH]
  const findText = [
    ...[...get(VALUE), OP.i32Load, ...TEXT, OP.localSet, AT],
    ...[...get(AT), ...length, OP.i32Add, OP.localSet, END],
  ]
  const yes = [...constant(1), OP.return]
  const character = [...get(AT), OP.i32LoadByte, ...BYTE]
  const isPlain = [
    ...[...character, ...constant(ZERO), OP.i32Subtract, ...constant(DIGITS), OP.i32LessUnsigned],
    ...[...character, ...constant(MINUS), OP.i32Equal, OP.i32Or],
  ]
  const goOn = [...get(AT), ...constant(1), OP.i32Add, OP.localSet, AT, OP.branch, 1]
  return Uint8Array.from([
    ...[1, 2, I32],
    ...[OP.block, EMPTY, ...isNoText, OP.branchIf, 0, ...findText],
    ...[...length, ...constant(LENGTH_MAX), OP.i32GreaterUnsigned, OP.if, EMPTY, ...yes, OP.end],
    ...[OP.loop, EMPTY, ...get(AT), ...get(END), OP.i32NotLessUnsigned, OP.branchIf, 1],
    ...[...isPlain, OP.if, EMPTY, ...goOn, OP.end, ...yes, OP.end],
    ...[OP.end, ...constant(0), OP.end],
  ])
}
