import { expect, test } from 'vitest'
import { overload } from './overload-run.ts'

const TIMEOUT_MS = 120_000
const SHORT = { warmUpMs: 750, capacityMs: 1_000, offerMs: 1_250 }
/** Of a decision point whose memory is flat, between two times under the same load. */
const MEMORY_GROWTH_MAX = 1.5

/** Shares of what the same run could do, all of them wide: other work may be on the machine. */
test.skipIf(process.platform !== 'linux')(
  'four times of what can be decided costs no decision, no record and no memory',
  async () => {
    const { figures, recordedIds } = await overload(SHORT)
    const recorded = new Map<string, number>()
    for (const id of recordedIds) recorded.set(id, (recorded.get(id) ?? 0) + 1)
    expect(figures.map(({ name }) => name)).toEqual(['gRPC', 'HTTP'])
    for (const { capacity, rows } of figures) {
      for (const { wrong, answeredIds } of rows) {
        // Neither a decision that is wrong, nor an answer that is none of those we promise.
        expect(wrong).toEqual([])
        expect(answeredIds.filter((id) => recorded.get(id) !== 1)).toEqual([])
      }
      const [first, second] = rows.slice(-2)
      if (first === undefined || second === undefined) return expect.fail('there is no overload')
      const best = Math.max(first.answeredPerSecond, second.answeredPerSecond)
      expect(best).toBeGreaterThan(capacity / 2)
      expect(second.megabytes).toBeLessThan(first.megabytes * MEMORY_GROWTH_MAX)
    }
    const shed = figures.flatMap(({ rows }) => rows.slice(-2).map((row) => row.shed))
    expect(Math.max(...shed)).toBeGreaterThan(0)
  },
  TIMEOUT_MS,
)
