import type { Need } from './needs.ts'

/** What became of one scenario. */
export type ScenarioReport =
  | { readonly name: string; readonly result: 'skipped'; readonly needs: readonly Need[] }
  | FinishedScenario

export interface FinishedScenario {
  readonly name: string
  readonly result: 'passed' | 'failed'
  /** Faults that were injected. */
  readonly cycles: number
  readonly seconds: number
  /** Requests that were sent. */
  readonly asked: number
  /** Decisions that callers were told. */
  readonly acknowledged: number
  /** Requests that got an error, or nothing. */
  readonly refused: number
  readonly lost: number
  readonly forged: number
  readonly duplicated: number
  /** The longest time in which nobody was told a decision. */
  readonly silenceMs: number
  /** Checkpoints that were seen, all of which the last one holds. */
  readonly checkpoints: number
  readonly leaves: number
  readonly problems: readonly string[]
  /** Where the cluster's files are, if they were kept. */
  readonly dir?: string
}

/** Of a scenario that did not come to it. */
export const NOTHING_DONE = {
  result: 'failed',
  cycles: 0,
  seconds: 0,
  asked: 0,
  acknowledged: 0,
  refused: 0,
  lost: 0,
  forged: 0,
  duplicated: 0,
  silenceMs: 0,
  checkpoints: 0,
  leaves: 0,
} as const satisfies Partial<FinishedScenario>

export interface TortureReport {
  readonly seed: string
  readonly time: string
  readonly machine: string
  readonly scenarios: readonly ScenarioReport[]
}

const COLUMNS = [
  'scenario',
  'cycles',
  'decisions',
  'refused',
  'lost',
  'forged',
  'twice',
  'silence',
  'result',
] as const
const LEFT = new Set<number>([0, COLUMNS.length - 1])

/** Of one scenario. */
export const PROBLEMS_MAX = 10

/** Whether nothing was lost, forged or duplicated, and all else held, too. */
export function allPassed({ scenarios }: TortureReport): boolean {
  return scenarios.every(({ result }) => result !== 'failed')
}

/** The report as lines for people. */
export function reportLines({ scenarios, seed, machine }: TortureReport): string[] {
  const rows = [[...COLUMNS], ...scenarios.map(rowOf)]
  const widths = COLUMNS.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  const table = rows.map((row) =>
    row
      .map((cell, at) =>
        LEFT.has(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
  const problems = scenarios.flatMap((scenario) =>
    scenario.result === 'failed'
      ? scenario.problems.map((what) => `${scenario.name}: ${what}`)
      : [],
  )
  const kept = scenarios.flatMap((scenario) => ('dir' in scenario ? [`kept: ${scenario.dir}`] : []))
  return [...table, '', ...problems, ...kept, machine, `again with: --seed ${seed}`]
}

function rowOf(scenario: ScenarioReport): string[] {
  const { name, result } = scenario
  if (result === 'skipped') {
    const blank = COLUMNS.slice(2).map(() => '')
    return [name, ...blank, `skipped: needs ${scenario.needs.join(', ')}`]
  }
  const { cycles, acknowledged, refused, lost, forged, duplicated, silenceMs } = scenario
  const numbers = [cycles, acknowledged, refused, lost, forged, duplicated].map(String)
  return [name, ...numbers, `${(silenceMs / 1_000).toFixed(1)} s`, result]
}
