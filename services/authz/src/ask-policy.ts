import type { FetchingPolicy, FetchOptions } from '@verdict/policy'
import { evaluate } from './evaluate.ts'
import { evaluateFetching } from './evaluate-fetching.ts'
import type { PolicyInput } from './input.ts'
import type { Findings } from './record.ts'
import type { ChosenPolicy } from './route/choose.ts'

/** What a policy is asked, and where to note what there is to record of it. */
export interface PolicyQuestion {
  readonly policy: ChosenPolicy
  readonly input: PolicyInput
  readonly findings: Findings
  /** Whether the input is recorded. */
  readonly recordInput: boolean
}

/** What the policy says; where it fails, its input is noted all the same. @throws {AuthzError} */
export function askPolicy({ policy, input, findings, recordInput }: PolicyQuestion): unknown {
  findings.dataRevision = policy.data?.revision
  try {
    const decision = evaluate(policy, input)
    const { labels, spent } = policy.policy
    findings.rules = labels
    findings.units = spent
    return decision
  } finally {
    if (recordInput) findings.input = policy.policy.inputText
  }
}

/** How a rule that asks other services waits for them. */
export interface Waiting {
  readonly deadlineMs: number
  readonly turn: NonNullable<FetchOptions['turn']>
}

/** As `askPolicy`, of a rule that asks other services. @throws {AuthzError} as a rejection */
export async function askFetching(
  fetching: FetchingPolicy,
  { policy, input, findings, recordInput }: PolicyQuestion,
  { deadlineMs, turn }: Waiting,
): Promise<unknown> {
  const noting: Waiting['turn'] = (evaluateAgain) =>
    turn(() => {
      findings.dataRevision = policy.data?.revision
      return evaluateAgain()
    })
  findings.dataRevision = policy.data?.revision
  const evaluated = evaluateFetching(policy, fetching, input, { deadlineMs, turn: noting })
  // It has been evaluated once by now, with this input.
  if (recordInput) findings.input = policy.policy.inputText
  const { value, labels, spent, fetched } = await evaluated
  findings.rules = labels
  findings.units = spent
  findings.fetched = fetched
  return value
}
