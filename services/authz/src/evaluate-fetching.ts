import { messageOf } from '@verdict/contract'
import {
  AllowedHosts,
  type FetchedAnswer,
  Fetcher,
  type FetchingPolicy,
  type FetchOptions,
  PolicyError,
  PolicyErrorCode,
} from '@verdict/policy'
import { SWEEP_MS } from './deadline.ts'
import { AuthzError, AuthzErrorCode } from './errors.ts'
import type { ActivePolicy } from './evaluate.ts'
import type { AuthzEvents } from './events.ts'
import type { PolicyInput } from './input.ts'

/**
 * A decision that waits for others ends so long before its caller is sent away, or at half of a
 * shorter time: it is recorded then.
 */
const RECORDING_MS = 2 * SWEEP_MS

/** What another copy, or a later try, may do better. */
const PASSING: ReadonlySet<string> = new Set([
  PolicyErrorCode.fetchOverdue,
  PolicyErrorCode.fetchOverloaded,
])

/** What asks other services for the policies; undefined where no host is allowed. */
export function fetcherFor(
  texts: readonly string[],
  events: Pick<AuthzEvents, 'fetchRefused'>,
): Fetcher | undefined {
  const hosts = texts.length === 0 ? undefined : AllowedHosts.parse(texts)
  return hosts && new Fetcher({ hosts, onRefusedHost: (host) => events.fetchRefused(host) })
}

/**
 * As `evaluate`, of a rule that asks other services. Between its evaluations others take turns.
 * @throws {AuthzError} `policy_failed`, `fetch_failed`, and what `turn` throws
 */
export async function evaluateFetching(
  { entrypoint }: ActivePolicy,
  fetching: FetchingPolicy,
  input: PolicyInput,
  { deadlineMs, turn }: Required<Pick<FetchOptions, 'deadlineMs' | 'turn'>>,
): Promise<FetchedAnswer> {
  try {
    const leftMs = deadlineMs - performance.now()
    const options = { deadlineMs: deadlineMs - Math.min(RECORDING_MS, leftMs / 2), turn }
    return await fetching.evaluate(entrypoint, input, options)
  } catch (thrown) {
    if (thrown instanceof AuthzError) throw thrown
    const isPassing = thrown instanceof PolicyError && PASSING.has(thrown.code)
    const code = isPassing ? AuthzErrorCode.fetchFailed : AuthzErrorCode.policyFailed
    throw new AuthzError(code, `\`${entrypoint}\` failed: ${messageOf(thrown)}`, { cause: thrown })
  }
}
