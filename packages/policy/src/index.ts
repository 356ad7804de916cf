export { type BuildOptions, buildBundle, DEFAULT_OPA_TIMEOUT_MS } from './build.ts'
export type { Bundle } from './bundle.ts'
export { PolicyError, PolicyErrorCode } from './errors.ts'
export {
  DEFAULT_RETRY_MS,
  type FollowedPolicies,
  type FollowOptions,
  followPolicies,
} from './follow.ts'
export { DEFAULT_MEMORY_BYTES_MAX, type LoadOptions, loadPolicy, type Policy } from './load.ts'
export { SOURCES_BYTES_MAX, SOURCES_FILES_MAX } from './sources.ts'
