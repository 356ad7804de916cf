import type { MemoryStep } from './log-memory.ts'
import type { LogFigures, LogRow } from './log-rows.ts'
import { markdown } from './table.ts'

/** What the way into the log costs, as Markdown. */
export function logTables({ rows, receipts, searches }: LogFigures): string {
  const latencies = [
    ['', 'times', 'p50 ms', 'p99 ms'],
    [
      `receipt in hand, from the decision's time, at ${receipts.perSecond.toFixed(0)} records/s`,
      ...latencyCells(receipts),
    ],
    [
      `search of ${searches.records} records by principal and time, ${searches.found.toFixed(0)} found`,
      ...latencyCells(searches),
    ],
  ]
  return `${markdown([LOG_HEADINGS, ...rows.map(logCells)])}\n\n${markdown(latencies)}`
}

const LOG_HEADINGS = [
  'from the stream into the log',
  'records/s',
  'syncs/s of the file system',
  'records for a sync',
  'CPU µs, audit',
  'CPU µs, nats-server',
  'MB',
]

function logCells(row: LogRow): string[] {
  return [
    row.name,
    row.perSecond.toFixed(0),
    row.syncsPerSecond.toFixed(0),
    (row.perSecond / row.syncsPerSecond).toFixed(1),
    row.auditUs.toFixed(0),
    row.serverUs.toFixed(0),
    row.megabytes.toFixed(0),
  ]
}

function latencyCells({ count, p50, p99 }: LogFigures['receipts'] | LogFigures['searches']) {
  return [String(count), p50.toFixed(1), p99.toFixed(1)]
}

/** What the audit service holds while the log grows, as Markdown. */
export function memoryTable(steps: readonly MemoryStep[]): string {
  const cells = steps.map(({ records, megabytes, heapMegabytes }) => [
    String(records),
    megabytes.toFixed(0),
    heapMegabytes.toFixed(0),
  ])
  return markdown([['records in the log', 'MB', 'MB of heap in use'], ...cells])
}
