/**
 * What an append costs: `node packages/journal/bench/journal.bench.ts`. As many callers as the
 * column `waiting` says append one record each, wait for it, and append the next: with and without
 * waiting for the disk, and with and without a shipper that seals what it reads. The figures are of
 * the records alone, so `p50` and `p99` are what a journal adds to an answer.
 */
import { type JournalRow, journalRows } from './journal-rows.ts'

const COLUMNS: readonly (readonly [string, (row: JournalRow) => string])[] = [
  ['fsync', ({ fsync }) => (fsync ? 'yes' : 'no')],
  ['seal', ({ seal }) => (seal ? 'yes' : 'no')],
  ['waiting', ({ waiting }) => String(waiting)],
  ['records/s', ({ perSecond }) => perSecond.toFixed(0)],
  ['µs CPU', ({ cpuUs }) => cpuUs.toFixed(1)],
  ['µs user', ({ userUs }) => userUs.toFixed(1)],
  ['group', ({ group }) => group.toFixed(1)],
  ['p50 ms', ({ p50 }) => p50.toFixed(2)],
  ['p99 ms', ({ p99 }) => p99.toFixed(2)],
]

process.stdout.write(`${COLUMNS.map(([name]) => name).join('\t')}\n`)
for await (const row of journalRows({ warmUpMs: 500, runMs: 2_000 })) {
  process.stdout.write(`${COLUMNS.map(([, cell]) => cell(row)).join('\t')}\n`)
}
