import { expect, test } from 'vitest'
import { MemoryShort, MemoryTexts, memoryPagesOf } from './wasm-memory.ts'

const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const name = (text: string) => [text.length, ...Buffer.from(text)]
const memory = (...limits: number[]) => [...name('env'), ...name('memory'), 2, ...limits]
const func = [...name('env'), ...name('opa_abort'), 0, 6]
const section = (id: number, content: number[]) => [id, content.length, ...content]

function moduleOf(...parts: number[][]): Uint8Array {
  return Uint8Array.from([...header, ...parts.flat()])
}

test('the least memory is read from among the imports', () => {
  const imports = section(2, [3, ...func, ...memory(0, 31), ...func])
  expect(memoryPagesOf(moduleOf(section(1, [0]), imports))).toBe(31)
})

test('a number of several bytes is read whole', () => {
  expect(memoryPagesOf(moduleOf(section(2, [1, ...memory(0, 0xac, 0x02)])))).toBe(300)
})

test('a maximum after the least memory changes nothing', () => {
  expect(memoryPagesOf(moduleOf(section(2, [1, ...memory(1, 2, 9)])))).toBe(2)
})

test('a module without an imported memory has none', () => {
  expect(memoryPagesOf(moduleOf(section(2, [1, ...func])))).toBeUndefined()
  expect(memoryPagesOf(moduleOf())).toBeUndefined()
})

test('bytes that end too early end the reading', () => {
  const whole = moduleOf(section(2, [1, ...memory(0, 0x80, 0x80, 1)]))
  for (let end = 0; end < whole.length; end++) {
    expect(() => memoryPagesOf(whole.subarray(0, end))).not.toThrow()
  }
  expect(memoryPagesOf(Uint8Array.from([...header, 2, 0xff, 0xff, 0xff, 0xff]))).toBeUndefined()
})

test('a text that the memory has no room for is refused, and no other', () => {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const texts = new MemoryTexts(memory)
  for (const letter of ['a', 'ß', '€', '😀']) {
    const address = 100
    const bytes = Buffer.byteLength(letter)
    const fitting = Math.floor((memory.buffer.byteLength - address - 1) / bytes)
    for (const count of [1, fitting - 1, fitting]) {
      const text = letter.repeat(count)
      expect(texts.write(`${text}\0`, address)).toBe(count * bytes + 1)
      expect(texts.read(address) === text).toBe(true)
    }
    expect(() => texts.write(`${letter.repeat(fitting + 1)}\0`, address)).toThrow(MemoryShort)
  }
})
