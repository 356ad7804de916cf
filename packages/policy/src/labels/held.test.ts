import { expect, test } from 'vitest'
import { bundleOf, errorOf } from '../../test/policy-under-test.ts'
import { loadPolicy } from '../load.ts'
import { HeldLabels, LABELS_HELD_MAX } from './held.ts'

const NAMES = Array.from({ length: 20 }, (_, n) => `l${n}`)
const AT = 64
const DIGITS_AT = 256

function labels() {
  const memory = new DataView(new ArrayBuffer(1_024))
  return { memory, held: new HeldLabels(NAMES, memory) }
}

/** A number as a module keeps one: type 3; its kind, 1 for an integer and 2 for digits; itself. */
function writeInteger(memory: DataView, value: bigint): void {
  memory.setUint8(AT, 3)
  memory.setUint8(AT + 1, 1)
  memory.setBigInt64(AT + 8, value, true)
}

function writeDigits(memory: DataView, digits: string): void {
  memory.setUint8(AT, 3)
  memory.setUint8(AT + 1, 2)
  memory.setUint32(AT + 8, DIGITS_AT, true)
  memory.setUint32(AT + 12, digits.length, true)
  for (const [at, byte] of Buffer.from(digits).entries()) memory.setUint8(DIGITS_AT + at, byte)
}

test('a number is read as a module keeps it, and each label is told once, in its order', () => {
  const { memory, held } = labels()
  for (const number of [12n, 3n, 12n]) {
    writeInteger(memory, number)
    held.hear(AT)
  }
  writeDigits(memory, '10')
  held.hear(AT)
  expect(held.list()).toEqual(['l3', 'l10', 'l12'])
  held.clear()
  expect(held.list()).toEqual([])
})

test('of many the first are told', () => {
  const { memory, held } = labels()
  for (const n of NAMES.keys()) {
    writeInteger(memory, BigInt(19 - n))
    held.hear(AT)
  }
  expect(held.list()).toEqual(NAMES.slice(0, LABELS_HELD_MAX))
})

test('what is no number of a label is no label', () => {
  const { memory, held } = labels()
  for (const number of [-1n, 20n, 2n ** 62n]) {
    writeInteger(memory, number)
    held.hear(AT)
  }
  for (const digits of ['20', '1.5', '-1', '1e1', '00000000001']) {
    writeDigits(memory, digits)
    held.hear(AT)
  }
  memory.setUint8(AT, 4)
  held.hear(AT)
  expect(held.list()).toEqual([])
})

test('a bundle whose labels are none is refused', async () => {
  const bundle = await bundleOf('# METADATA\n# title: one\nx := 1\n')
  for (const text of ['', '{}', '{"names": [1]}', '{"names": {}}', 'null']) {
    const error = await loadPolicy({ ...bundle, labels: Buffer.from(text) }).catch(
      (thrown) => thrown,
    )
    expect([text, error.code]).toEqual([text, 'module_refused'])
  }
})

test('a module that tells by an address outside of its memory fails the evaluation alone', () => {
  const { held } = labels()
  expect(errorOf(() => held.hear(2_000))).toBeInstanceOf(RangeError)
})
