export { missingNeeds } from './torture/needs.ts'
export { type RunOptions, runScenario } from './torture/run.ts'
export type { AnyScenario, LoneScenario, Scenario } from './torture/scenario.ts'
export { SCENARIOS } from './torture/scenarios.ts'
