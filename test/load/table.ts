import type { Row, SteadyFigures } from './rows.ts'

const HEADINGS = [
  '',
  'decisions/s',
  'CPU µs',
  'CPU to empty',
  'CPU to OPA',
  'MB rest → load',
  'at 25 %',
  'at 50 %',
  'at 80 %',
  "at half of OPA's",
]

/** A Markdown table; latencies are p50 / p99 / p99.9 in ms. The last two rows are compared with. */
export function tableOf(rows: readonly Row[]): string {
  const [empty, peer] = rows.slice(-2)
  const lines = rows.map((row) => [
    row.name,
    row.capacity.toFixed(0),
    row.cpuUs.toFixed(0),
    ratio(row, empty),
    ratio(row, peer),
    `${row.restMegabytes.toFixed(0)} → ${row.loadMegabytes.toFixed(0)}`,
    ...row.steady.map(latencies),
  ])
  return markdown([HEADINGS, ...lines])
}

/** Rows of cells, of which the first are the headings. */
export function markdown([headings = [], ...rows]: readonly (readonly string[])[]): string {
  const rule = headings.map(() => '---')
  return [headings, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function ratio(row: Row, to: Row | undefined): string {
  return to === undefined ? '' : (row.cpuUs / to.cpuUs).toFixed(2)
}

function latencies({ p50, p99, p999, missed }: SteadyFigures): string {
  const text = [p50, p99, p999].map((ms) => ms.toFixed(1)).join(' / ')
  return missed === 0 ? text : `${text} (${missed} missed)`
}
