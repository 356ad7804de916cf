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
  /** The Rego tests run through less of the policies than was asked for. */
  coverageTooLow: 'coverage_too_low',
  /** The folder of built policies cannot be read or written. */
  cacheFailed: 'cache_failed',
  /** A bundle is no archive of OPA's format, lacks the module, or is damaged. */
  bundleMalformed: 'bundle_malformed',
  /** A bundle carries no signature. */
  bundleUnsigned: 'bundle_unsigned',
  /** A bundle, or the pointer to one, is signed by a key that is not among the trusted ones. */
  bundleKeyUnknown: 'bundle_key_unknown',
  /** A key to sign or verify bundles cannot be read, or is of another kind than it says. */
  bundleKeyMalformed: 'bundle_key_malformed',
  /** The signature of a bundle is not of its key, or made for another scope. */
  bundleSignatureInvalid: 'bundle_signature_invalid',
  /** A file of a signed bundle is changed, added or missing. */
  bundleTampered: 'bundle_tampered',
  /** The archive of a bundle is not the one that its pointer names. */
  bundleDigestMismatch: 'bundle_digest_mismatch',
  /** A bundle holds data, policies or entrypoints outside of its roots. */
  bundleRootsViolated: 'bundle_roots_violated',
  /** Two bundles claim the same data with their roots. */
  bundleRootsOverlap: 'bundle_roots_overlap',
  /** A bundle is older than one that was in force, and nobody signed a rollback. */
  bundleOlder: 'bundle_older',
  /** A bundle has neither a serial number nor a whole number as its revision. */
  bundleUnordered: 'bundle_unordered',
  /** The pointer to a bundle is damaged, or its signature is not of its key. */
  pointerInvalid: 'pointer_invalid',
  /** The pointer to a bundle is older than one that was in force. */
  pointerOlder: 'pointer_older',
  /** The policy calls a built-in function that is not supported. */
  builtinUnsupported: 'builtin_unsupported',
  /** Policies ask other services, and `http.send` is called in a way that is not supported. */
  fetchUnsupported: 'fetch_unsupported',
  /** A rule that asks other services was evaluated by who does not wait for their answers. */
  fetchNotAwaited: 'fetch_not_awaited',
  /** The answers of other services led a policy to new questions too often. */
  fetchRounds: 'fetch_rounds_exceeded',
  /** One evaluation asked other services too many questions. */
  fetchQuestions: 'fetch_questions_exceeded',
  /** Another service answered a policy with more bytes than it may. */
  fetchTooLarge: 'fetch_answer_too_large',
  /** Other services did not answer a policy before its decision was due. */
  fetchOverdue: 'fetch_overdue',
  /** Too many questions of policies to other services are under way. */
  fetchOverloaded: 'fetch_overloaded',
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
