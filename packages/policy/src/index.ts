export { type BuildOptions, buildBundle, DEFAULT_OPA_TIMEOUT_MS } from './build.ts'
export type { Bundle } from './bundle.ts'
export { PolicyError, PolicyErrorCode } from './errors.ts'
export { DEFAULT_UNITS_MAX, type EvaluateOptions } from './evaluation.ts'
export {
  DEFAULT_RETRY_MS,
  type FollowedPolicies,
  type FollowOptions,
  followPolicies,
} from './follow.ts'
export { DEFAULT_MEMORY_BYTES_MAX, type LoadOptions, loadPolicy } from './load.ts'
export { DEFAULT_MEMO_BYTES_MAX } from './memo/memo.ts'
export type { LoadedPolicy, Policy } from './policy.ts'
export type { FamilyReport, RuleIndexReport } from './rule-index/report.ts'
export { SOURCES_BYTES_MAX, SOURCES_FILES_MAX } from './sources.ts'
