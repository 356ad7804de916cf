import { messageOf } from '@verdict/contract'
import type { Policy } from '@verdict/policy'
import { AuthzError, AuthzErrorCode } from './errors.ts'
import type { PolicyInput } from './input.ts'
import type { RouteTable } from './route/route-table.ts'

/** The policies that decide now, and what leads to which rule of theirs. */
export interface ActivePolicy {
  readonly policy: Policy
  readonly revision: string
  /** The rule that decides where nothing names another. */
  readonly entrypoint: string
  /** Absent where no file of routes is set. */
  readonly routes?: RouteTable
}

/**
 * The decision as the policy gives it, undefined where it gives none.
 * @throws {AuthzError} `policy_failed`
 */
export function evaluate({ policy, entrypoint }: ActivePolicy, input: PolicyInput): unknown {
  try {
    return policy.evaluate(entrypoint, input)
  } catch (thrown) {
    const why = `\`${entrypoint}\` failed: ${messageOf(thrown)}`
    throw new AuthzError(AuthzErrorCode.policyFailed, why, { cause: thrown })
  }
}
