export { type RunOptions, runScenario } from './torture/run.ts'
export type { Scenario } from './torture/scenario.ts'
export { SCENARIOS } from './torture/scenarios.ts'
