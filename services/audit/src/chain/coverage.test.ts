import { expect, test } from 'vitest'
import { COVERED_CHAINS_MAX, Coverage } from './coverage.ts'

const [A, B] = ['log/a', 'log/b']

function place(instance: string, n: number) {
  return { instance, epoch: 1, n }
}

test('a journal is covered as far as it was in the log when that had the size of the checkpoint', () => {
  const coverage = new Coverage()
  expect(coverage.shown(undefined)).toEqual([])
  coverage.staged({ origin: A, size: 10 }, [place('one', 5), place('two', 3)])
  coverage.staged({ origin: A, size: 20 }, [place('one', 9)])
  expect(coverage.shown({ origin: A, size: 9 })).toEqual([])
  expect(coverage.shown({ origin: A, size: 19 })).toMatchObject([place('two', 3), place('one', 5)])
  expect(coverage.shown({ origin: A, size: 19 })).toEqual([])
  expect(coverage.shown({ origin: A, size: 20 })).toEqual([
    { ...place('one', 9), checkpoint: { origin: A, size: 20 } },
  ])
  expect(coverage.all()).toMatchObject([place('two', 3), place('one', 9)])
})

test('a shard that follows covers the one before', () => {
  const coverage = new Coverage()
  coverage.staged({ origin: A, size: 500 }, [place('one', 5)])
  expect(coverage.shown({ origin: B, size: 0 })).toEqual([])
  expect(coverage.shown({ origin: B, size: 1 })).toMatchObject([place('one', 5)])
})

test('a journal that does not move on, since records are missing, is not told of again', () => {
  const coverage = new Coverage()
  coverage.staged({ origin: A, size: 10 }, [place('one', 5)])
  coverage.shown({ origin: A, size: 10 })
  coverage.staged({ origin: A, size: 20 }, [place('one', 5)])
  expect(coverage.shown({ origin: A, size: 20 })).toEqual([])
})

test('a journal whose first records are missing is told so, once', () => {
  const coverage = new Coverage()
  coverage.staged({ origin: A, size: 10 }, [place('one', 0)])
  expect(coverage.shown({ origin: A, size: 9 })).toEqual([])
  expect(coverage.shown({ origin: A, size: 10 })).toMatchObject([place('one', 0)])
  coverage.staged({ origin: A, size: 20 }, [place('one', 0)])
  expect(coverage.shown({ origin: A, size: 20 })).toEqual([])
  expect(coverage.all()).toMatchObject([place('one', 0)])
})

test('what waits is bounded, and nothing is told that is not covered', () => {
  const coverage = new Coverage()
  for (let size = 1; size <= 5_000; size += 1) {
    coverage.staged({ origin: A, size }, [place('one', size)])
  }
  for (const size of [1, 200, 4_999]) {
    const [told] = coverage.shown({ origin: A, size })
    expect(told?.n ?? 0).toBeLessThanOrEqual(size)
  }
  expect(coverage.shown({ origin: A, size: 5_000 })).toMatchObject([place('one', 5_000)])
  for (let at = 0; at < COVERED_CHAINS_MAX; at += 1) {
    coverage.staged({ origin: A, size: 6_000 }, [place(`further-${at}`, 1)])
  }
  expect(coverage.shown({ origin: A, size: 6_000 })).toHaveLength(COVERED_CHAINS_MAX)
  expect(coverage.all()).toHaveLength(COVERED_CHAINS_MAX)
})
