export { type BuildOptions, buildBundle, compileSigned, DEFAULT_OPA_TIMEOUT_MS } from './build.ts'
export { type BundleFiles, unpackBundle } from './bundle/archive.ts'
export {
  type ArchiveOptions,
  type BuildStep,
  type BuiltArchive,
  buildArchive,
} from './bundle/build-archive.ts'
export type { Bundle } from './bundle/bundle.ts'
export type { Changes } from './bundle/changes.ts'
export type { Coverage } from './bundle/coverage.ts'
export type { DataChanges } from './bundle/data-diff.ts'
export { type BundleDiff, diffBundles } from './bundle/diff.ts'
export { digestOf } from './bundle/hash.ts'
export {
  type BundleKey,
  type KeyAlgorithm,
  readSigningKey,
  VerificationKeys,
} from './bundle/keys.ts'
export type { Manifest } from './bundle/manifest.ts'
export { type Known, type Offered, refuseOlder } from './bundle/order.ts'
export { type BundleParts, type CompiledParts, packBundle } from './bundle/pack.ts'
export { type BundlePointer, signPointer, verifyPointer } from './bundle/pointer.ts'
export { refuseOverlap, rootOwner } from './bundle/roots.ts'
export { signBundle } from './bundle/sign.ts'
export { type SignedBundle, verifyBundle, verifyDigest } from './bundle/verify.ts'
export { PolicyError, PolicyErrorCode } from './errors.ts'
export { DEFAULT_UNITS_MAX, type EvaluateOptions } from './evaluation.ts'
export { type ExplainablePolicy, explainable } from './explain/explain.ts'
export type {
  BodyTrace,
  Change,
  ConditionTrace,
  Explanation,
  Failure,
  NearMiss,
  RuleTrace,
  ShownValue,
} from './explain/explanation.ts'
export { Fetcher, type FetcherOptions } from './fetch/fetcher.ts'
export {
  DEFAULT_FETCH_DEADLINE_MS,
  type FetchedAnswer,
  type FetchingPolicy,
  type FetchOptions,
} from './fetch/fetching-policy.ts'
export { AllowedHosts } from './fetch/hosts.ts'
export {
  DEFAULT_RETRY_MS,
  type FollowedPolicies,
  type FollowOptions,
  followPolicies,
} from './follow.ts'
export type { LabelsReport } from './labels/report.ts'
export { DEFAULT_MEMORY_BYTES_MAX, type LoadOptions, loadPolicy } from './load.ts'
export { DEFAULT_MEMO_BYTES_MAX } from './memo/memo.ts'
export { entrypointsOf } from './optional-entrypoints.ts'
export type { LoadedPolicy, Policy } from './policy.ts'
export type { DispatchedRules, DispatchReport } from './rule-dispatch/report.ts'
export type { FamilyReport, RuleIndexReport } from './rule-index/report.ts'
export { SOURCES_BYTES_MAX, SOURCES_FILES_MAX } from './sources.ts'
