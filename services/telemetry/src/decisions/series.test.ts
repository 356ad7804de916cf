import { expect, test } from 'vitest'
import { LABEL_CHARS_MAX, OTHER, Series } from './series.ts'

const labels = { reason: 'allowed', source: 'shop/web', destination: 'shop/orders' }

test('values of a label beyond the bound are `other`, the first ones stay', () => {
  const series = new Series({ labelValuesMax: 2 })
  const bound = (destination: string): string =>
    series.bound('allow', { ...labels, destination }).destination
  expect(['a', 'b', 'c', 'a', 'd', 'b'].map(bound)).toEqual(['a', 'b', OTHER, 'a', OTHER, 'b'])
  expect(series.bound('allow', { ...labels, destination: 'z' })).toEqual({
    ...labels,
    destination: OTHER,
  })
})

test('sets of labels beyond the bound are `other` in each label', () => {
  const series = new Series({ seriesMax: 3 })
  const other = { reason: OTHER, source: OTHER, destination: OTHER }
  const bound = (outcome: string, source: string) => series.bound(outcome, { ...labels, source })
  expect(bound('allow', 'a')).toEqual({ ...labels, source: 'a' })
  expect(bound('deny', 'a')).toEqual({ ...labels, source: 'a' })
  expect(bound('allow', 'b')).toEqual({ ...labels, source: 'b' })
  expect(bound('allow', 'c')).toEqual(other)
  expect(bound('error', 'a')).toEqual(other)
  expect(bound('deny', 'a')).toEqual({ ...labels, source: 'a' })
})

test('a long value is cut', () => {
  const { reason } = new Series().bound('deny', { ...labels, reason: 'x'.repeat(5_000) })
  expect(reason).toHaveLength(LABEL_CHARS_MAX)
})
