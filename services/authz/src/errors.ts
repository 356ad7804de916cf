import { type DecisionId, type Protocol, VerdictError } from '@verdict/contract'

/** Why a caller got no decision, or why its request was refused before the policy was asked. */
export const AuthzErrorCode = {
  /** The request can't be read as opa-envoy-plugin reads it: it is denied with 400. */
  requestUnreadable: 'request_unreadable',
  /** authn did not answer, answered with a fault, or is out of reach. */
  identityUnavailable: 'identity_unavailable',
  /** No policy is active yet. */
  policyMissing: 'policy_missing',
  /** The policy failed while it was evaluated. */
  policyFailed: 'policy_failed',
  /** The services that the policy asks did not answer in time, or too much is asked of them. */
  fetchFailed: 'fetch_failed',
  /** The policy gives no decision for this request; add a `default` to the rule that is asked. */
  decisionUndefined: 'decision_undefined',
  /** The policy's decision is not of the form that the result contract asks for. */
  decisionInvalid: 'decision_invalid',
  /** The record of the decision can't be made durable. */
  recordFailed: 'record_failed',
  /** The record is in the journal, and the stream did not acknowledge it in time. */
  recordUnreplicated: 'record_unreplicated',
  /** The policy's rules about records failed: what should be masked must not be written down. */
  recordRuleFailed: 'record_rule_failed',
  /** More requests are in flight than the setting allows. */
  overloaded: 'overloaded',
  /** The caller stopped waiting before there was a decision. */
  deadlineExceeded: 'deadline_exceeded',
  /** The question is malformed, such as headers that are missing or contradict each other. */
  questionMalformed: 'question_malformed',
  /** The file of `VERDICT_AUTHZ_PROTO_DESCRIPTOR` can't be read as a complete descriptor set. */
  descriptorInvalid: 'descriptor_invalid',
  /** A gateway asks by `/v1/data/…` for a rule that is not among those that may decide here. */
  policyPathUnknown: 'policy_path_unknown',
  /** Envoy's context extensions of a route can't be read, or name a rule that may not decide here. */
  routeInvalid: 'route_invalid',
  /** No active bundle has the rule that a route, or the setting, names. */
  entrypointMissing: 'entrypoint_missing',
  /** A fault of the decision point itself; its log says which. */
  internal: 'internal',
} as const
export type AuthzErrorCode = (typeof AuthzErrorCode)[keyof typeof AuthzErrorCode]

export class AuthzError extends VerdictError<AuthzErrorCode> {
  override readonly name = 'AuthzError'
  /** The id of the record that tells of this fault, where there is one. */
  readonly decisionId: DecisionId | undefined

  constructor(
    code: AuthzErrorCode,
    message: string,
    options?: { cause?: unknown; decisionId?: DecisionId },
  ) {
    super(code, message, options)
    this.decisionId = options?.decisionId
  }
}

/** What adapters report of questions that never reach the decider; see events.ts. */
export interface QuestionEvents {
  questionRefused(protocol: Protocol, error: AuthzError): void
}

export function isMalformed(fault: AuthzError): boolean {
  return fault.code === AuthzErrorCode.questionMalformed
}

/** Why a listener can't be opened. */
export const ListenerErrorCode = {
  /** The files of the TLS settings can't be read, are no certificate, or don't fit together. */
  certificateUnusable: 'certificate_unusable',
  /** The path of a Unix socket is taken by a live process or a file, or may not be used. */
  socketUnusable: 'socket_unusable',
} as const
export type ListenerErrorCode = (typeof ListenerErrorCode)[keyof typeof ListenerErrorCode]

export class ListenerError extends VerdictError<ListenerErrorCode> {
  override readonly name = 'ListenerError'
}

/** Why the file of `VERDICT_AUTHZ_ROUTES` is not in force. */
export const RoutesErrorCode = {
  /** It can't be read, or not all of its routes can: the last good ones stay in force. */
  routesUnusable: 'routes_unusable',
} as const
export type RoutesErrorCode = (typeof RoutesErrorCode)[keyof typeof RoutesErrorCode]

export class RoutesError extends VerdictError<RoutesErrorCode> {
  override readonly name = 'RoutesError'
}

/** Why a bundle that is offered is not active, beside the codes of PolicyError; or its data. */
export const BundlesErrorCode = {
  /** The bundle server, or the bus, does not give the bundle: it is asked again. */
  bundleUnreachable: 'bundle_unreachable',
  /** The archive is larger than the file of bundles allows. */
  bundleTooLarge: 'bundle_too_large',
  /** There is nothing under the name, or nothing any more: what is active stays. */
  bundleWithdrawn: 'bundle_withdrawn',
  /** Another active bundle has a rule of the same path as an entrypoint. */
  bundleEntrypointTaken: 'bundle_entrypoint_taken',
  /** Only Rego is in the bundle, and no setting names a rule below its roots to compile it for. */
  bundleWithoutEntrypoint: 'bundle_without_entrypoint',
  /** What is kept on disk of the active bundle was changed or broken: nothing starts from it. */
  bundleStateDamaged: 'bundle_state_damaged',
  /** The last good bundle can't be kept on disk, so the new one is not activated. */
  bundleStoreFailed: 'bundle_store_failed',
  /** A change of data is outside of the roots of all active bundles: it changes no decision. */
  dataUnowned: 'data_unowned',
  /** A change of data is no JSON, or more of them wait than there is room for. */
  dataMalformed: 'data_malformed',
} as const
export type BundlesErrorCode = (typeof BundlesErrorCode)[keyof typeof BundlesErrorCode]

export class BundlesError extends VerdictError<BundlesErrorCode> {
  override readonly name = 'BundlesError'
}

/** Why the personal fields of a record can't be encrypted: the decision is not recorded then. */
export const PersonalErrorCode = {
  /** The key of a subject can't be written beside the journal, or read from there at the start. */
  subjectKeysFailed: 'subject_keys_failed',
  /** Too many keys of subjects wait to be shipped. */
  subjectKeysFull: 'subject_keys_full',
} as const
export type PersonalErrorCode = (typeof PersonalErrorCode)[keyof typeof PersonalErrorCode]

export class PersonalError extends VerdictError<PersonalErrorCode> {
  override readonly name = 'PersonalError'
}
