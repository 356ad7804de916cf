import { randomBytes } from 'node:crypto'
import { cpus, platform, release } from 'node:os'
import { Writable } from 'node:stream'
import { usage } from '../arguments.ts'
import { type CommandContext, defineCommand, ExitCode } from '../command.ts'
import { prepareTools } from '../dev/preparation.ts'
import { Terminal } from '../terminal.ts'
import { allPassed, reportLines, type TortureReport } from '../torture/report.ts'
import { type RunOptions, runScenario } from '../torture/run.ts'
import type { AnyScenario } from '../torture/scenario.ts'
import { SCENARIOS } from '../torture/scenarios.ts'

const SEED_BYTES = 4
const SECONDS_DEFAULT = 60
const SECONDS_MAX = 86_400
const CYCLES_MAX = 100_000
/** Where cycles are counted, time ends only what would go on for ever. */
const COUNTED_SECONDS = 3_600

export const torture = defineCommand({
  name: 'torture',
  summary: 'inject faults into a cluster of its own, and prove that nothing is lost',
  description: `
Starts a cluster in a temporary folder for each scenario, keeps asking it for decisions, and kills,
pauses, cuts off, fills up, damages or rolls back parts of it. Then it reads the log from its files
and compares: every decision that a caller was told is in it once, and nothing that nobody asked
for. Exits with 1 where anything was lost, forged or there twice. The seed repeats the choices, not
the instants.

Scenarios:
${SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join('\n')}
`,
  positionals: '[scenario …]',
  positionalsMax: SCENARIOS.length,
  options: {
    cycles: {
      kind: 'integer',
      value: 'N',
      min: 1,
      max: CYCLES_MAX,
      help: 'faults of each scenario (default: as many as fit)',
    },
    seconds: {
      kind: 'integer',
      value: 'S',
      min: 1,
      max: SECONDS_MAX,
      help: `how long each scenario injects faults (default: ${SECONDS_DEFAULT})`,
    },
    seed: { kind: 'text', value: 'X', help: 'of an earlier report: the same choices again' },
    json: { kind: 'flag', help: 'print the report as JSON' },
    keep: { kind: 'flag', help: 'leave the files of each cluster where they were' },
  },
  examples: [
    'verdict torture',
    'verdict torture kill-all --cycles 300',
    'verdict torture nats-leader partition --seconds 120 --seed 7f3a9c01',
  ],
  async run(options, names, context) {
    const scenarios = chosen(names)
    const { cycles = CYCLES_MAX, json } = options
    const seconds =
      options.seconds ?? (options.cycles === undefined ? SECONDS_DEFAULT : COUNTED_SECONDS)
    const seed = options.seed ?? randomBytes(SEED_BYTES).toString('hex')
    const quiet = json ? silent(context) : context
    const { opa, natsServer } = await prepareTools(false, quiet)
    const { env, stop } = context
    const { keep } = options
    const given = { cycles, seconds, seed, keep, opa, natsServer, env, stop }
    const time = new Date().toISOString()
    const reports: TortureReport['scenarios'][number][] = []
    try {
      for (const scenario of scenarios) reports.push(await shown(scenario, given, quiet))
    } catch (error) {
      // Whoever stops it is told what was found until then.
      if (!stop.aborted || reports.length === 0) throw error
    }
    const report = { seed, time, machine: machine(), scenarios: reports }
    const lines = json ? [JSON.stringify(report)] : ['', ...reportLines(report)]
    for (const line of lines) context.terminal.line(line)
    if (stop.aborted) return ExitCode.interrupted
    return allPassed(report) ? ExitCode.ok : ExitCode.failed
  },
})

function chosen(names: readonly string[]): readonly AnyScenario[] {
  const unknown = names.find((name) => !SCENARIOS.some((scenario) => scenario.name === name))
  if (unknown === undefined) {
    return names.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => names.includes(name))
  }
  const known = SCENARIOS.map(({ name }) => name).join(', ')
  throw usage('torture', `\`${unknown}\` is no scenario: there are ${known}`)
}

async function shown(
  scenario: AnyScenario,
  options: Omit<RunOptions, 'onProgress'>,
  { terminal }: CommandContext,
) {
  const step = terminal.step(scenario.name)
  try {
    const onProgress = (doing: string): void => step.update(doing)
    const report = await runScenario(scenario, { ...options, onProgress })
    if (report.result === 'failed') step.failed()
    else step.done(report.result === 'skipped' ? 'skipped' : `${report.cycles} cycles`)
    return report
  } catch (error) {
    step.failed()
    throw error
  }
}

/** Programs that read JSON get nothing else. */
function silent(context: CommandContext): CommandContext {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  return { ...context, terminal: new Terminal({ out: nowhere, err: nowhere, env: context.env }) }
}

function machine(): string {
  const [first] = cpus()
  const model = first?.model ?? 'of an unknown kind'
  const system = `${platform()} ${release()}, Node ${process.versions.node}`
  return `${cpus().length} × ${model}, ${system}`
}
