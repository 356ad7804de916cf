import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bundlePath, edgeTiles, newTiles, parseTilePath, tilePath } from './tile.ts'

const SEED = 1_234_067

test('paths are those of the specification', () => {
  expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067')
  expect(tilePath({ level: 3, index: 0, width: 5 })).toBe('tile/3/000.p/5')
  expect(bundlePath({ index: 1_000, width: 255 })).toBe('tile/entries/x001/000.p/255')
  expect(bundlePath({ index: 999, width: 256 })).toBe('tile/entries/999')
})

test('every tile and every bundle is found by its path again', () => {
  const bundle = { index: fc.maxSafeNat(), width: fc.integer({ min: 1, max: 256 }) }
  const tile = { ...bundle, level: fc.nat(63) }
  fc.assert(
    fc.property(fc.record(tile), fc.record(bundle), (someTile, someBundle) => {
      expect(parseTilePath(tilePath(someTile))).toEqual(someTile)
      expect(parseTilePath(bundlePath(someBundle))).toEqual(someBundle)
    }),
    { seed: SEED },
  )
})

test.each([
  'tile/0/0',
  'tile/00/000',
  'tile/64/000',
  'tile/x/000',
  'tile/0/x000/001',
  'tile/0/001/002',
  'tile/0/x01/002',
  'tile/0/000.p/0',
  'tile/0/000.p/256',
  'tile/0/000.p/07',
  'tile/0/000/',
  '/tile/0/000',
  'tile/0/../000',
  'tile/0/x009/x007/x199/x254/x740/992',
  'checkpoint',
])('`%s` names nothing of a log', (path) => {
  expect(() => parseTilePath(path)).toThrow(expect.objectContaining({ code: 'tile_path_invalid' }))
})

test('widths, levels and indices that cannot be have no path', () => {
  for (const wrong of [
    { level: 0, index: 0, width: 0 },
    { level: 0, index: 0, width: 257 },
    { level: 64, index: 0, width: 1 },
    { level: 0, index: -1, width: 1 },
    { level: 0, index: 2 ** 53, width: 1 },
  ]) {
    expect(() => tilePath(wrong)).toThrow(expect.objectContaining({ code: 'size_invalid' }))
  }
})

test('a tree has the partial tiles that the specification counts', () => {
  expect(edgeTiles(70_000)).toEqual([
    { level: 0, index: 273, width: 112 },
    { level: 1, index: 1, width: 17 },
    { level: 2, index: 0, width: 1 },
  ])
  expect(edgeTiles(256)).toEqual([{ level: 1, index: 0, width: 1 }])
  expect(edgeTiles(0)).toEqual([])
  expect(edgeTiles(2 ** 48)).toEqual([{ level: 6, index: 0, width: 1 }])
  expect(edgeTiles(Number.MAX_SAFE_INTEGER).map(({ width }) => width)).toEqual([
    255, 255, 255, 255, 255, 255, 31,
  ])
})

test('what is new of a tree is new, and all of it', () => {
  expect([...newTiles(255, 256)]).toEqual([
    { level: 0, index: 0, width: 256 },
    { level: 1, index: 0, width: 1 },
  ])
  expect([...newTiles(256, 257)]).toEqual([{ level: 0, index: 1, width: 1 }])
  expect([...newTiles(9, 9)]).toEqual([])
})
