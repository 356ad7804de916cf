import { messageOf } from '@verdict/contract'
import type { Policy } from '@verdict/policy'
import { AuthzError, AuthzErrorCode } from './errors.ts'
import type { PolicyInput } from './input.ts'
import type { RouteTable } from './route/route-table.ts'

/** A policy that decides, and what it is made of. */
export interface DecidingPolicy {
  readonly policy: Policy
  readonly revision: string
  /** The name of its bundle; absent where the policies are a folder's. */
  readonly bundle?: string
  /** The last change of its data, at any moment; absent where its data does not change. */
  readonly data?: { readonly revision: number | undefined }
}

/**
 * The policies that decide now, and what leads to which rule of theirs. The policy itself is absent
 * where no bundle has the rule that decides by default.
 */
export interface ActivePolicies extends Partial<DecidingPolicy> {
  /** The rule that decides where nothing names another. */
  readonly entrypoint: string
  /** Absent where no file of routes is set. */
  readonly routes?: RouteTable
  /** Which policy has a rule, where bundles decide; absent where one policy has them all. */
  readonly owners?: ReadonlyMap<string, DecidingPolicy>
}

/** One of them, with the rule of it that decides. */
export type ActivePolicy = ActivePolicies & DecidingPolicy

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
