import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import type { Environment } from '@verdict/toolchain'
import { judge } from './judgement.ts'
import { LOAD_PER_SECOND, SteadyLoad } from './load.ts'
import { LogReader } from './log-reader.ts'
import { runAlone } from './lone-run.ts'
import { Looking } from './looking.ts'
import { missingNeeds } from './needs.ts'
import { Random } from './random.ts'
import { type FinishedScenario, NOTHING_DONE, PROBLEMS_MAX, type ScenarioReport } from './report.ts'
import type { AnyScenario, Scenario, Torture } from './scenario.ts'
import { TortureCluster } from './torture-cluster.ts'
import { comesTrue } from './waiting.ts'

/** Everything must have arrived in the log so long after the last fault. */
const SETTLE_DEADLINE_MS = 90_000
/** The first answers come from a cluster that nothing has happened to. */
const ANSWERS_BEFORE = LOAD_PER_SECOND / 2

export interface RunOptions {
  /** After so many nothing more is injected … */
  readonly cycles: number
  /** … nor after so many seconds, whichever comes first. */
  readonly seconds: number
  readonly seed: string
  /** The folder of the cluster stays where it was. */
  readonly keep: boolean
  readonly opa: string
  readonly natsServer: string
  readonly env: Environment
  readonly stop: AbortSignal
  readonly onProgress: (doing: string) => void
}

/** Runs one scenario on a cluster of its own, and leaves nothing of it behind. */
export async function runScenario(
  scenario: AnyScenario,
  options: RunOptions,
): Promise<ScenarioReport> {
  const { name } = scenario
  const needs = missingNeeds(scenario.needs ?? [], options.env)
  if (needs.length > 0) return { name, result: 'skipped', needs }
  const dir = await mkdtemp(path.join(tmpdir(), `verdict-torture-${name}-`))
  try {
    const run =
      'trials' in scenario ? runAlone(scenario, dir, options) : onCluster(scenario, dir, options)
    const report = await run.catch((error: unknown) => {
      options.stop.throwIfAborted()
      // There was nothing to torture, or it was beyond being judged.
      return { ...NOTHING_DONE, name, problems: [messageOf(error)] }
    })
    return options.keep ? { ...report, dir } : report
  } finally {
    if (!options.keep) await rm(dir, { recursive: true, force: true })
  }
}

async function onCluster(
  scenario: Scenario,
  dir: string,
  options: RunOptions,
): Promise<FinishedScenario> {
  const { seed, stop, onProgress } = options
  onProgress('starting a cluster')
  await using cluster = await TortureCluster.start(
    { ...options, dir },
    scenario.cluster ?? {},
    stop,
  )
  const random = new Random(`${seed}/${scenario.name}`)
  const reader = new LogReader(cluster.auditDir)
  const load = new SteadyLoad(cluster.authz.program.url ?? '', `torture-${scenario.name}`)
  const torture = { cluster, load, random, stop }
  const problems: string[] = []
  let cycles = 0
  const began = performance.now()
  try {
    cycles = await injectAll(scenario, torture, { reader, options, problems })
    await load.stop()
    onProgress('waiting for the log')
    await noting(problems, cluster.restore(stop), stop)
    await settled(load, reader, stop)
  } finally {
    await load.stop()
  }
  const seconds = (performance.now() - began) / 1_000
  const judgement = judge(load.asked, reader.journals)
  problems.push(...judgement.examples, ...findProblems(load, reader))
  if (scenario.afterwards !== undefined) {
    onProgress('what happens afterwards')
    await noting(problems, scenario.afterwards({ cluster, random, stop }), stop)
  }
  const { acknowledged, lost, forged, duplicated } = judgement
  return {
    name: scenario.name,
    result: problems.length === 0 ? 'passed' : 'failed',
    cycles,
    seconds,
    asked: load.asked.size,
    acknowledged,
    refused: load.refused,
    lost,
    forged,
    duplicated,
    silenceMs: Math.round(load.longestSilenceMs),
    checkpoints: reader.checkpoints,
    leaves: reader.leaves,
    problems: problems.slice(0, PROBLEMS_MAX),
  }
}

/** Injects faults as long as they may last; resolves with how many there were. */
async function injectAll(
  scenario: Scenario,
  torture: Omit<Torture, 'looking'>,
  about: { reader: LogReader; options: RunOptions; problems: string[] },
): Promise<number> {
  const { reader, options, problems } = about
  const { load, stop } = torture
  await load.answersMore(ANSWERS_BEFORE, 'before any fault', stop)
  const until = performance.now() + options.seconds * 1_000
  const looking = new Looking(reader)
  let cycles = 0
  try {
    const goesOn = (): boolean => performance.now() < until && problems.length === 0 && !load.isOver
    while (cycles < options.cycles && goesOn()) {
      cycles++
      options.onProgress(`cycle ${cycles}, ${load.answered} decisions`)
      await noting(problems, scenario.cycle({ ...torture, looking }), stop)
    }
  } finally {
    problems.push(...(await looking.stop()))
  }
  return cycles
}

/** Waits until the log has all that it must have; what it lacks at the deadline is judged. */
async function settled(load: SteadyLoad, reader: LogReader, stop: AbortSignal): Promise<void> {
  const whole = async (): Promise<boolean> => {
    await reader.update()
    const { lost } = judge(load.asked, reader.journals)
    return lost === 0 && reader.journals.missing === 0 && reader.findings.size === 0
  }
  await comesTrue(whole, { deadlineMs: SETTLE_DEADLINE_MS, stop })
}

/** What must not be, besides what the judgement counts. */
function findProblems({ strange }: SteadyLoad, reader: LogReader): string[] {
  const { journals, findings, contradictions } = reader
  const missing = journals.missing
  const kinds = [...new Set(findings.values())].join(', ')
  return [
    ...strange,
    ...journals.broken,
    ...contradictions,
    ...(missing === 0 ? [] : [`${missing} places of journals are missing`]),
    ...(findings.size === 0 ? [] : [`${findings.size} findings are open: ${kinds}`]),
  ]
}

/** Takes a failure down as a problem, but for that of a stop. */
async function noting(problems: string[], work: Promise<void>, stop: AbortSignal): Promise<void> {
  try {
    await work
  } catch (error) {
    stop.throwIfAborted()
    problems.push(messageOf(error))
  }
}
