import { VerdictError } from '@verdict/contract'

export const PolicyErrorCode = {
  /** The folder of the policies, or a file in it, cannot be read. */
  sourcesUnreadable: 'sources_unreadable',
  /** The folder holds more than the bounds allow, or something that is no policy source. */
  sourcesRefused: 'sources_refused',
  /** The `opa` program cannot be started. */
  opaUnavailable: 'opa_unavailable',
  /** A call of `opa` took longer than it may, and was killed. */
  opaTimedOut: 'opa_timed_out',
  /** A call of `opa` ended without an answer that can be understood. */
  opaFailed: 'opa_failed',
  /** The build was given up, because the process that wanted it stops. */
  buildAborted: 'build_aborted',
  /** The Rego or the data does not compile, or an entrypoint names no rule. */
  policyRefused: 'policy_refused',
  /** The policies compile, and a Rego test of theirs does not pass. */
  testsFailed: 'tests_failed',
  /** The folder of built policies cannot be read or written. */
  cacheFailed: 'cache_failed',
  /** A built bundle lacks the module or the data, or is damaged. */
  bundleMalformed: 'bundle_malformed',
  /** The policy calls a built-in function that is not supported. */
  builtinUnsupported: 'builtin_unsupported',
  /** The compiled module cannot be loaded. */
  moduleRefused: 'module_refused',
  /** A decision was asked of a rule that the policy was not built for. */
  entrypointUnknown: 'entrypoint_unknown',
  /** The input of an evaluation cannot be written as JSON. */
  inputMalformed: 'input_malformed',
  /** The evaluation ended in an error, such as two rules that contradict each other. */
  evaluationFailed: 'evaluation_failed',
  /** The policy, its data or one evaluation needs more memory, or nests deeper, than the bound. */
  memoryExhausted: 'memory_exhausted',
  /** The evaluation took more steps than it may, such as in a loop without an end. */
  budgetExhausted: 'budget_exhausted',
  /** A change of the data leads through something that is no object, or takes out what is not there. */
  dataRefused: 'data_refused',
} as const
export type PolicyErrorCode = (typeof PolicyErrorCode)[keyof typeof PolicyErrorCode]

export class PolicyError extends VerdictError<PolicyErrorCode> {
  override readonly name = 'PolicyError'
}
