/**
 * What an append costs, as Markdown: `node packages/journal/bench/journal.bench.ts`, `--quick` for a
 * part of the time. As many callers as the column says append one record each, wait for it, and
 * append the next: with and without waiting for the disk, and with and without a shipper that seals
 * what it reads. The figures are of the records alone, so the last two are what a journal adds to an
 * answer.
 */
import { type JournalRow, journalRows } from './journal-rows.ts'

const FULL = { warmUpMs: 500, runMs: 2_000 }
const QUICK = { warmUpMs: 200, runMs: 500 }
const COLUMNS: readonly (readonly [string, (row: JournalRow) => string])[] = [
  ['fsync', ({ fsync }) => (fsync ? 'yes' : 'no')],
  ['seal', ({ seal }) => (seal ? 'yes' : 'no')],
  ['callers', ({ waiting }) => String(waiting)],
  ['records/s', ({ perSecond }) => perSecond.toFixed(0)],
  ['CPU µs', ({ cpuUs }) => cpuUs.toFixed(1)],
  ['records in a sync', ({ group }) => group.toFixed(1)],
  ['added p50 ms', ({ p50 }) => p50.toFixed(2)],
  ['added p99 ms', ({ p99 }) => p99.toFixed(2)],
]

print(COLUMNS.map(([name]) => name))
print(COLUMNS.map(() => '---'))
for await (const row of journalRows(process.argv.includes('--quick') ? QUICK : FULL)) {
  print(COLUMNS.map(([, cell]) => cell(row)))
}

function print(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}
