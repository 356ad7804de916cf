/**
 * Ours side by side with `opa run --server`, in one run: `npm run bench`, `-- --quick` for less
 * than a minute. It needs Linux, whose /proc tells what a process costs.
 */
import { provide } from '@verdict/toolchain'
import { machineFacts } from './machine.ts'
import { manyRules, shipped, usersAndRoles } from './policies.ts'
import { FULL, QUICK, rowsOf, type Timing } from './rows.ts'
import { tableOf } from './table.ts'

const quick = process.argv.includes('--quick')
const timing: Timing = quick ? QUICK : FULL
const scenarios = quick
  ? [shipped(), usersAndRoles()]
  : [shipped(), usersAndRoles(), usersAndRoles(10), usersAndRoles(100), manyRules()]

const began = performance.now()
for (const tool of ['opa', 'nats-server'] as const) {
  await provide(tool, { onProgress: (doing) => process.stderr.write(`${tool}: ${doing}\n`) })
}
process.stdout.write(`${await machineFacts()}; client and server share the cores\n`)
for (const scenario of scenarios) {
  const rows = await rowsOf(scenario, timing)
  process.stdout.write(`\n### Policy: ${scenario.name}\n\n${tableOf(rows)}\n`)
}
process.stdout.write(`\n${Math.round((performance.now() - began) / 1_000)} s\n`)
