import { Outcome, Protocol } from '@verdict/contract'
import { Counter, Histogram, type Registry } from '@verdict/service'
import type { AuthzErrorCode } from '../errors.ts'
import type { DecisionRequest } from '../request.ts'

/** The reasons that opa-envoy-plugin counts errors by, as far as something here is like them. */
export type PluginReason =
  | 'start_check_error'
  | 'start_txn_error'
  | 'request_parse_error'
  | 'check_request_timeout'
  | 'input_parse_error'
  | 'envoyauth_eval_error'
  | 'envoyauth_result_error'
  | 'unknown_log_error'

/**
 * The plugin's reason for each of our codes; codes that are not here have none, because there
 * they would be no question to the plugin.
 */
export const PLUGIN_REASONS: Readonly<Partial<Record<AuthzErrorCode, PluginReason>>> = {
  overloaded: 'start_check_error',
  internal: 'start_check_error',
  policy_missing: 'start_txn_error',
  entrypoint_missing: 'start_txn_error',
  request_unreadable: 'request_parse_error',
  deadline_exceeded: 'check_request_timeout',
  route_invalid: 'input_parse_error',
  identity_unavailable: 'envoyauth_eval_error',
  policy_failed: 'envoyauth_eval_error',
  fetch_failed: 'envoyauth_eval_error',
  decision_undefined: 'envoyauth_eval_error',
  decision_invalid: 'envoyauth_result_error',
  record_failed: 'unknown_log_error',
  record_rule_failed: 'unknown_log_error',
  record_unreplicated: 'unknown_log_error',
}

/** Its defaults. */
const BUCKETS_S = [1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 3e-3, 5e-3, 0.1, 1]

/** The two metrics of opa-envoy-plugin, under its names: for dashboards and alerts that exist. */
export class PluginMetrics {
  readonly #durations: { observe(seconds: number): void }
  readonly #errors: Counter<'reason'>

  constructor(registry: Registry) {
    const durations = new Histogram({
      name: 'grpc_request_duration_seconds',
      help: 'A histogram of duration for grpc authz requests.',
      labelNames: ['handler'],
      buckets: BUCKETS_S,
      registers: [registry],
    })
    this.#durations = durations.labels('check')
    this.#errors = new Counter({
      name: 'error_counter',
      help: 'A counter for errors',
      labelNames: ['reason'],
      registers: [registry],
    })
  }

  /** Only what the policy or the identity decided has a duration there. */
  decided(outcome: Outcome, { protocol, receivedMs }: DecisionRequest, unreadable: boolean): void {
    if (protocol !== Protocol.envoyGrpc || outcome === Outcome.error) return
    if (unreadable) this.#errors.inc({ reason: 'request_parse_error' })
    else this.#durations.observe((performance.now() - receivedMs) / 1_000)
  }

  faulted(code: AuthzErrorCode, { protocol }: DecisionRequest): void {
    const reason = PLUGIN_REASONS[code]
    if (protocol === Protocol.envoyGrpc && reason !== undefined) this.#errors.inc({ reason })
  }
}
