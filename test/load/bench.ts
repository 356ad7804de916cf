/** The figures of docs/performance.md, in one run: `npm run bench`; `-- --help` says what they are. */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { provide } from '@verdict/toolchain'
import { type MemoryStep, memorySteps } from './log-memory.ts'
import { FULL_LOG, logFigures, QUICK_LOG } from './log-rows.ts'
import { logTables, memoryTable } from './log-tables.ts'
import { machineFacts } from './machine.ts'
import { manyRules, shipped, usersAndRoles } from './policies.ts'
import { FULL, QUICK, rowsOf } from './rows.ts'
import { tableOf } from './table.ts'

const HELP = `npm run bench -- [--quick] [--only PART] [--memory RECORDS]

Prints tables in Markdown. It needs Linux, whose /proc tells what a process costs. Client and
servers share the cores: compare rows of one run, and ratios rather than digits.

  decisions  a decision point side by side with \`opa run --server\`: decisions/s, CPU, latencies
  journal    what an append adds to an answer: with and without fsync, with and without seals,
             with 1, 32 and 256 callers that wait; \`records in a sync\` is what shares one
  log        from the stream into the log, all durable: the stream holds the records before the
             audit service starts, and the clock runs from its first checkpoint of them to its
             last; beside it what the file system can sync a second, and the ratio of both.
             Then, over HTTP: from the time of a decision to a receipt of it, while others are
             recorded; and searches of all records by principal and time
  memory     what the audit service holds after each tenth of a million records

  --quick           less of each, in about three minutes
  --only PART       one of the parts above; by default all but \`memory\`
  --memory RECORDS  of the part \`memory\` (1000000)
  --help            this text
`
const PARTS = ['decisions', 'journal', 'log', 'memory'] as const
const DEFAULT_PARTS = ['decisions', 'journal', 'log'] as const
const JOURNAL_BENCH = resolve(import.meta.dirname, '../../packages/journal/bench/journal.bench.ts')

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    memory: { type: 'string', default: '1000000' },
    help: { type: 'boolean' },
  },
})
const { only, quick } = values

function refuse(option: string, form: string): void {
  process.stderr.write(`\`${option}\` takes ${form}\n`)
  process.exitCode = 2
}

async function run(parts: readonly (typeof PARTS)[number][]): Promise<void> {
  const began = performance.now()
  for (const tool of ['opa', 'nats-server'] as const) {
    await provide(tool, { onProgress: (doing) => process.stderr.write(`${tool}: ${doing}\n`) })
  }
  print(`${await machineFacts()}; client and server share the cores`)
  for (const name of parts) await PRINTERS[name]()
  print(`\n${Math.round((performance.now() - began) / 1_000)} s`)
}

const PRINTERS = {
  decisions: async () => {
    const scenarios = quick
      ? [shipped(), usersAndRoles()]
      : [shipped(), usersAndRoles(), usersAndRoles(10), usersAndRoles(100), manyRules()]
    for (const scenario of scenarios) {
      const rows = await rowsOf(scenario, quick ? QUICK : FULL)
      print(`\n### Policy: ${scenario.name}\n\n${tableOf(rows)}`)
    }
  },
  journal: async () => {
    print('\n### Journal\n')
    // In a process of its own, whose CPU time is that of the journal.
    const args = quick ? [JOURNAL_BENCH, '--quick'] : [JOURNAL_BENCH]
    const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
    if (status !== 0) throw new Error('the bench of the journal has failed')
  },
  log: async () => {
    print(`\n### Log\n\n${logTables(await logFigures(quick ? QUICK_LOG : FULL_LOG))}`)
  },
  memory: async () => {
    const steps: MemoryStep[] = []
    for await (const step of memorySteps(records)) steps.push(step)
    print(`\n### Memory\n\n${memoryTable(steps)}`)
  },
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

const records = Number(values.memory)
const part = PARTS.find((name) => name === only)
if (values.help) process.stdout.write(HELP)
else if (only !== undefined && part === undefined) refuse('--only', PARTS.join(', '))
else if (!Number.isInteger(records) || records < 1) refuse('--memory', 'a number of records')
else await run(part === undefined ? DEFAULT_PARTS : [part])
