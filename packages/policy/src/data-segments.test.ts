import { expect, test } from 'vitest'
import { dataSegments, variablesIn } from './data-segments.ts'

const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const section = (id: number, ...content: number[]) => [id, content.length, ...content]

test('the segments of a module are read with their places', () => {
  const first = [0, 0x41, 0x80, 0x80, 4, 0x0b, 3, 1, 2, 3]
  const second = [0, 0x41, 5, 0x0b, 0]
  const wasm = Uint8Array.from([
    ...header,
    ...section(1, 0),
    ...section(11, 2, ...first, ...second),
  ])
  expect(dataSegments(wasm)).toEqual([
    { begin: 65_536, end: 65_539 },
    { begin: 5, end: 5 },
  ])
  expect(dataSegments(Uint8Array.from(header))).toEqual([])
})

test('segments of another kind are refused', () => {
  const passive = Uint8Array.from([...header, ...section(11, 1, 1, 0)])
  expect(() => dataSegments(passive)).toThrow(RangeError)
})

test('variables are in the segments that were written, and whole', () => {
  const segments = [10, 20, 30, 40].map((begin) => ({ begin, end: begin + 8 }))
  const before = new Uint8Array(40)
  const after = before.slice()
  after[13] = 1
  after[27] = 1
  expect(variablesIn(segments, 10, before, after)).toEqual({ begin: 20, end: 38 })
  after[39] = 1
  expect(variablesIn(segments, 10, before, after)).toEqual({ begin: 10, end: 50 })
  expect(variablesIn(segments, 10, before, before)).toEqual({ begin: 10, end: 50 })
})
