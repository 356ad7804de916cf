import { expect, test } from 'vitest'
import { type LogLength, logFigures } from './log-rows.ts'
import { logTables } from './log-tables.ts'

const TIMEOUT_MS = 120_000
const SHORT: LogLength = { records: 2_000, receiptsMs: 300, receiptsPerSecond: 200, searches: 5 }

/** How fast anything is, is no matter of a test; that it is measured, is. */
test.skipIf(process.platform !== 'linux')(
  'the bench of the log sends, asks for receipts and searches, and makes tables of it',
  async () => {
    const figures = await logFigures(SHORT)
    expect(figures.rows.map(({ name }) => name)).toEqual([
      '128 records in a message',
      '700 records in a message',
    ])
    expect(figures.receipts.count).toBe(6)
    expect(figures.receipts.p99).toBeGreaterThan(0)
    expect(figures.searches).toMatchObject({ count: 5, records: 4_000, found: 2 })
    expect(logTables(figures).split('\n')).toHaveLength(9)
  },
  TIMEOUT_MS,
)
