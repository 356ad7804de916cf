import { expect, test } from 'vitest'
import { journalRows } from './journal-rows.ts'

/** How fast anything is, is no matter of a test; that it is measured, is. */
test('the bench of the journal measures each way to keep records', async () => {
  const rows = await Array.fromAsync(journalRows({ warmUpMs: 10, runMs: 50, waiting: [8] }))
  expect(rows.map(({ fsync, seal }) => [fsync, seal])).toEqual([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])
  for (const { perSecond, p99 } of rows) expect(Math.min(perSecond, p99)).toBeGreaterThan(0)
})
