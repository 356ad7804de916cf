import { Outcome } from '@verdict/contract'
import type { PolicyResult } from './result/policy-result.ts'
import { readResult } from './result/read-result.ts'

/** What a caller is told of a decision that is not enforced. */
interface Told {
  readonly outcome: Exclude<Outcome, 'error'>
  readonly result: PolicyResult
  readonly unreadable: boolean
}

const NOTHING_ASKED = readResult({ allowed: true })

/**
 * Allows what was denied, as opa-envoy-plugin's `dry-run` does: nothing of the denial is left but
 * its metadata and reason. What could not be read, and who could not be identified, is let through
 * as well, so that a policy on trial stops nobody. A fault stays a fault.
 */
export function unenforced({ result: { metadata, reason } }: Told): Told {
  return {
    outcome: Outcome.allow,
    result: { ...NOTHING_ASKED, metadata, reason },
    unreadable: false,
  }
}
