import { expect, test } from 'vitest'
import { shipped } from './policies.ts'
import { rowsOf } from './rows.ts'
import { tableOf } from './table.ts'

const TIMEOUT_MS = 60_000
const SHORT = { warmUpMs: 200, saturateMs: 200, steadyMs: 100 }

/** How fast anything is, is no matter of a test; that it is measured, is. */
test.skipIf(process.platform !== 'linux')(
  'the bench asks all five, and makes a table of what it found',
  async () => {
    const rows = await rowsOf(shipped(), SHORT)
    expect(rows.map(({ name }) => name)).toEqual([
      'gRPC Check, recorded, evaluated anew',
      'gRPC Check, recorded',
      'HTTP /check, recorded',
      'empty gRPC answer',
      'opa run --server',
    ])
    for (const row of rows) {
      expect(row.capacity).toBeGreaterThan(0)
      expect(row.restMegabytes).toBeGreaterThan(0)
      expect(row.steady.map(({ p999 }) => Number.isFinite(p999))).toEqual([true, true, true, true])
    }
    expect(tableOf(rows).split('\n')).toHaveLength(rows.length + 2)
  },
  TIMEOUT_MS,
)
