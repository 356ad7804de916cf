/**
 * What a decision point does where more is asked than it can decide: `npm run overload`, about a
 * minute and a half. It needs Linux, whose /proc tells what a process holds.
 */
import { provide } from '@verdict/toolchain'
import { machineFacts } from './machine.ts'
import type { OverloadRow } from './overload-rows.ts'
import { overload } from './overload-run.ts'

const TIMING = { warmUpMs: 2_000, capacityMs: 4_000, offerMs: 6_000 }
const HEADINGS = [
  '',
  'offered/s',
  'answered/s',
  'shed',
  'late',
  'p50 ms',
  'p99 ms',
  'MB',
  'missed',
  'wrong',
]

for (const tool of ['opa', 'nats-server'] as const) {
  await provide(tool, { onProgress: (doing) => process.stderr.write(`${tool}: ${doing}\n`) })
}
process.stdout.write(`${await machineFacts()}; client and server share the cores\n`)
const { figures, recordedIds } = await overload(TIMING)
const recorded = new Map<string, number>()
for (const id of recordedIds) recorded.set(id, (recorded.get(id) ?? 0) + 1)
for (const { name, capacity, rows } of figures) {
  const lines = [HEADINGS, HEADINGS.map(() => '---'), ...rows.map(cells)]
  const table = lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
  process.stdout.write(`\n### ${name}: ${capacity.toFixed(0)} decisions/s\n\n${table}\n`)
}
const answered = figures.flatMap(({ rows }) => rows.flatMap(({ answeredIds }) => answeredIds))
const once = answered.filter((id) => recorded.get(id) === 1).length
process.stdout.write(`\n${once} of ${answered.length} answered decisions are on record once\n`)

function cells(row: OverloadRow): string[] {
  return [
    `${row.times} ×`,
    row.offeredPerSecond.toFixed(0),
    row.answeredPerSecond.toFixed(0),
    String(row.shed),
    String(row.late),
    row.p50.toFixed(1),
    row.p99.toFixed(1),
    row.megabytes.toFixed(0),
    String(row.missed),
    [...new Set(row.wrong)].join('; '),
  ]
}
