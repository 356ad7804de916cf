import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBundle, encodeBundle } from './entry-bundle.ts'

const SEED = 65_535

test('the entries of a bundle are told by their lengths, most significant byte first', () => {
  const bundle = encodeBundle([Buffer.from('ab'), new Uint8Array(0), Buffer.alloc(258, 'c')])
  expect([...bundle.subarray(0, 9)]).toEqual([0, 2, 97, 98, 0, 0, 1, 2, 99])
  expect(decodeBundle(bundle, 3).map(({ length }) => length)).toEqual([2, 0, 258])
})

test('any entries come back as they went in, and the first ones of a bundle that is fuller', () => {
  const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 256 })
  fc.assert(
    fc.property(entries, fc.nat(), (some, cut) => {
      const bundle = encodeBundle(some)
      const width = 1 + (cut % some.length)
      const decoded = decodeBundle(bundle, width)
      expect(decoded.map((entry) => [...entry])).toEqual(
        some.slice(0, width).map((entry) => [...entry]),
      )
      if (cut % bundle.length === 0) return
      const torn = bundle.subarray(0, cut % bundle.length)
      expect(() => decodeBundle(torn, some.length)).toThrow(
        expect.objectContaining({ code: 'entries_malformed' }),
      )
    }),
    { seed: SEED, numRuns: 50 },
  )
})

test('what is too long or too much is refused', () => {
  expect(() => encodeBundle([new Uint8Array(65_536)])).toThrow(
    expect.objectContaining({ code: 'entry_too_large' }),
  )
  const many = Array.from({ length: 257 }, () => new Uint8Array(0))
  expect(() => encodeBundle(many)).toThrow(expect.objectContaining({ code: 'entries_malformed' }))
  expect(() => decodeBundle(new Uint8Array(2 * 257))).toThrow('it has 257 entries')
  expect(() => decodeBundle(new Uint8Array(256 * 65_537 + 1))).toThrow('bytes')
})
