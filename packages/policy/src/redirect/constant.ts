import { OP } from '../wasm/instructions.ts'

/** The instruction for a number, which it has in signed LEB128. */
export function constant(value: number): number[] {
  const bytes: number[] = [OP.i32Const]
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f
    const isLast = rest >> 6 === 0 || rest >> 6 === -1
    bytes.push(isLast ? low : low | 0x80)
    if (isLast) return bytes
  }
}
