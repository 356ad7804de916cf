import { type Decision, messageOf } from '@verdict/contract'
import type { Policy } from '@verdict/policy'
import { AuthzError, AuthzErrorCode } from '../errors.ts'
import type { ActivePolicies } from '../evaluate.ts'
import { applyMasks, readMasks } from './masks.ts'
import { DROP_RULE, MASK_RULE } from './names.ts'

/**
 * The record of a decision as the active policies let it be written down; undefined where it is to
 * be dropped. Where they have no rules about records it is the record itself.
 * @throws {AuthzError} `record_rule_failed`: what should have been masked must not be written
 */
export function ruledRecord(
  active: ActivePolicies | undefined,
  record: Decision,
): Decision | undefined {
  const dropping = policyWith(active, DROP_RULE)
  const masking = policyWith(active, MASK_RULE)
  if (dropping === undefined && masking === undefined) return record
  const input = inputOf(record)
  if (dropping !== undefined && isDropped(ask(dropping, DROP_RULE, input))) return undefined
  if (masking === undefined) return record
  return tried(MASK_RULE, () => {
    const masks = readMasks(masking.evaluate(MASK_RULE, input))
    return masks.length === 0 ? record : applyMasks(record, masks)
  })
}

function policyWith(active: ActivePolicies | undefined, rule: string): Policy | undefined {
  if (active?.owners !== undefined) return active.owners.get(rule)?.policy
  return active?.policy?.entrypoints.includes(rule) === true ? active.policy : undefined
}

/** The record, with what the policy was given as values, and as `input` besides, as OPA has it. */
function inputOf(record: Decision): object {
  const { input: text } = record.policy
  if (text === undefined) return record
  const input = JSON.parse(text) as unknown
  return { ...record, input, policy: { ...record.policy, input } }
}

function isDropped(given: unknown): boolean {
  if (given === undefined || typeof given === 'boolean') return given ?? false
  const why = `\`${DROP_RULE}\` is neither true nor false, but ${typeof given}`
  throw new AuthzError(AuthzErrorCode.recordRuleFailed, why)
}

function ask(policy: Policy, rule: string, input: object): unknown {
  return tried(rule, () => policy.evaluate(rule, input))
}

function tried<T>(rule: string, work: () => T): T {
  try {
    return work()
  } catch (thrown) {
    const why = `\`${rule}\` failed, so the decision is not recorded: ${messageOf(thrown)}`
    throw new AuthzError(AuthzErrorCode.recordRuleFailed, why, { cause: thrown })
  }
}
