import { Random } from './random.ts'
import { type FinishedScenario, NOTHING_DONE, PROBLEMS_MAX } from './report.ts'
import type { RunOptions } from './run.ts'
import type { LoneScenario } from './scenario.ts'

/** Runs a scenario that has no cluster, until one of its trials fails or there are enough. */
export async function runAlone(
  { name, trials }: LoneScenario,
  dir: string,
  options: RunOptions,
): Promise<FinishedScenario> {
  const { cycles: cyclesMax, env, seed, stop, onProgress } = options
  onProgress('looking at what can fail')
  const random = new Random(`${seed}/${name}`)
  const sum = { cycles: 0, acknowledged: 0, refused: 0, lost: 0, forged: 0, duplicated: 0 }
  const problems: string[] = []
  const began = performance.now()
  const seconds = (): number => (performance.now() - began) / 1_000
  for await (const trial of trials({ dir, env, random, stop })) {
    sum.cycles++
    sum.acknowledged += trial.acknowledged.length
    sum.refused += trial.refused
    sum.lost += trial.lost.length
    sum.forged += trial.forged.length
    sum.duplicated += trial.duplicated.length
    problems.push(...trial.problems, ...trial.lost, ...trial.forged, ...trial.duplicated)
    onProgress(`cycle ${sum.cycles}`)
    const isEnough = sum.cycles >= cyclesMax || seconds() >= options.seconds
    if (isEnough || problems.length > 0) break
  }
  return {
    ...NOTHING_DONE,
    ...sum,
    name,
    result: problems.length === 0 ? 'passed' : 'failed',
    seconds: seconds(),
    asked: sum.acknowledged + sum.refused,
    problems: problems.slice(0, PROBLEMS_MAX),
  }
}
