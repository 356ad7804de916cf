import { expect, test } from 'vitest'
import { metered } from './meter.ts'

const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const name = (text: string) => [text.length, ...Buffer.from(text)]
const section = (id: number, ...content: number[]) => [id, content.length, ...content]
const types = section(1, 1, 0x60, 1, 0x7f, 0)
const globals = section(6, 1, 0x7f, 1, 0x41, 0, 0x0b)

/** Functions of one number each, exported as `f0`, `f1` and so on. */
function moduleOf(...bodies: number[][]): Uint8Array {
  const exported = bodies.flatMap((_, at) => [...name(`f${at}`), 0, at])
  const codes = bodies.flatMap((body) => [body.length + 2, 0, ...body, 0x0b])
  return Uint8Array.from([
    ...header,
    ...types,
    ...section(3, bodies.length, ...bodies.map(() => 0)),
    ...globals,
    ...section(7, bodies.length, ...exported),
    ...section(10, bodies.length, ...codes),
  ])
}

/** `loop  local.get 0  i32.const 1  i32.sub  local.tee 0  br_if 0  end` */
const COUNTDOWN = [0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b]
/** The same around a call of function 0 with 3. */
const CALLS = [0x03, 0x40, 0x41, 3, 0x10, 0, ...COUNTDOWN.slice(2)]
/** `loop  br 0  end` */
const ENDLESS = [0x03, 0x40, 0x0c, 0, 0x0b]
/** A function that calls itself, as function 0. */
const RECURSION = [0x41, 0, 0x10, 0]

async function running(wasm: Uint8Array) {
  const module = await WebAssembly.compile(metered(wasm))
  const { exports } = new WebAssembly.Instance(module, {})
  const fuel = exports['verdict_fuel'] as WebAssembly.Global
  return {
    fuel,
    spent(call: string, operand: number): number {
      fuel.value = 1_000
      ;(exports[call] as (operand: number) => void)(operand)
      return 1_000 - fuel.value
    },
  }
}

test('each turn of a loop is counted, and each call of what calls others', async () => {
  const { spent } = await running(moduleOf(COUNTDOWN, CALLS))
  expect(spent('f0', 1)).toBe(1)
  expect(spent('f0', 100)).toBe(100)
  expect(spent('f1', 1)).toBe(1 + 1 + 3)
  expect(spent('f1', 10)).toBe(1 + 10 * (1 + 3))
})

test('a loop within a loop counts both', async () => {
  const nested = [0x03, 0x40, 0x41, 4, 0x21, 1, ...COUNTDOWN.map((byte) => byte)]
  const inner = [0x03, 0x40, 0x20, 1, 0x41, 1, 0x6b, 0x22, 1, 0x0d, 0, 0x0b]
  const body = [...nested.slice(0, 6), ...inner, ...COUNTDOWN.slice(2)]
  const wasm = Uint8Array.from([
    ...header,
    ...types,
    ...section(3, 1, 0),
    ...globals,
    ...section(7, 1, ...name('f0'), 0, 0),
    ...section(10, 1, body.length + 4, 1, 1, 0x7f, ...body, 0x0b),
  ])
  const { spent } = await running(wasm)
  expect(spent('f0', 5)).toBe(5 * (1 + 4))
})

test('what has no end traps, and the module works on', async () => {
  const { spent, fuel } = await running(moduleOf(COUNTDOWN, ENDLESS))
  expect(() => spent('f1', 0)).toThrow(WebAssembly.RuntimeError)
  expect(fuel.value).toBe(-1)
  expect(spent('f0', 10)).toBe(10)
  expect(() => spent('f0', 1_001)).toThrow(WebAssembly.RuntimeError)
  expect(spent('f0', 1_000)).toBe(1_000)
})

test('a function that calls itself traps before its stack ends', async () => {
  const { spent, fuel } = await running(moduleOf(RECURSION))
  expect(() => spent('f0', 0)).toThrow(WebAssembly.RuntimeError)
  expect(fuel.value).toBe(-1)
})

test('a module that ends too early is refused wherever it ends', () => {
  const wasm = moduleOf(COUNTDOWN, CALLS, ENDLESS)
  expect(() => metered(wasm)).not.toThrow()
  for (let end = header.length + 1; end < wasm.length; end++) {
    try {
      metered(wasm.subarray(0, end))
      // Between two sections: what is missing then is found when it is compiled.
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError)
    }
  }
})

test('copies of any length are refused, since a count of steps misses what they cost', () => {
  const copy = [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 10, 0, 0]
  expect(() => metered(moduleOf(copy))).toThrow('an instruction 0xfc')
})

test('a module without a stack pointer is refused', () => {
  const wasm = moduleOf(COUNTDOWN)
  const at = Buffer.from(wasm).indexOf(Buffer.from(globals))
  const constant = Uint8Array.from(wasm)
  constant[at + 4] = 0
  expect(() => metered(constant)).toThrow('no stack pointer')
})
