import { messageOf } from '@verdict/contract'
import { AuthzError, AuthzErrorCode } from './errors.ts'

/** The HTTP status of each fault: 503 where another copy, or a later try, may do better. */
export const FAULT_STATUS: Readonly<Record<AuthzErrorCode, number>> = {
  request_unreadable: 400,
  question_malformed: 400,
  policy_path_unknown: 404,
  descriptor_invalid: 500,
  policy_failed: 500,
  decision_undefined: 500,
  decision_invalid: 500,
  route_invalid: 500,
  internal: 500,
  identity_unavailable: 503,
  policy_missing: 503,
  entrypoint_missing: 503,
  fetch_failed: 503,
  record_failed: 503,
  record_unreplicated: 503,
  record_rule_failed: 500,
  overloaded: 503,
  deadline_exceeded: 503,
}

/**
 * Nobody waits for the first; a record for each of the second would deepen the overload that it
 * tells of; the third says that there can be no record; for the fourth there is one, in the journal.
 */
export const UNRECORDED: ReadonlySet<AuthzErrorCode> = new Set([
  AuthzErrorCode.deadlineExceeded,
  AuthzErrorCode.overloaded,
  AuthzErrorCode.recordFailed,
  AuthzErrorCode.recordUnreplicated,
])

/** Nobody waits, or nobody may wait longer; one error for all, because a stack for each costs. */
export const GONE = new AuthzError(
  AuthzErrorCode.deadlineExceeded,
  'the caller gave up, or its time passed, before there was a decision',
)

/** Whatever was thrown, as what the caller is told. */
export function faultOf(thrown: unknown): AuthzError {
  return thrown instanceof AuthzError
    ? thrown
    : new AuthzError(AuthzErrorCode.internal, messageOf(thrown), { cause: thrown })
}
