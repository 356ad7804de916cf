import { VerdictError } from '@verdict/contract'

export const CliErrorCode = {
  /** The arguments of a command are wrong: its help says which there are. */
  usage: 'usage',
  /** Another process listens on a port that the cluster needs. */
  portInUse: 'port_in_use',
  /** Another `verdict dev` uses the same data folder. */
  alreadyRunning: 'already_running',
  /** A process of the cluster ended, or was not ready in time, while the cluster started. */
  startFailed: 'start_failed',
  /** No decision was given: the cluster is not there, or it answered with a fault. */
  noDecision: 'no_decision',
  /** The decision stream of audit can't be read, and trying again will not help. */
  streamRefused: 'stream_refused',
  /** A file that was named can't be read, or holds something else. */
  badFile: 'bad_file',
  /** A bundle is in force, but a decision point does not run it in time, or none follows it. */
  fleetBehind: 'fleet_behind',
  /** The log has no such decision, or audit can't be asked for it. */
  decisionNotFound: 'decision_not_found',
  /** The record of the decision lacks what it takes to explain it, such as the input. */
  notExplainable: 'not_explainable',
  /** The policies that took the decision are in none of the places that were looked at. */
  policyNotFound: 'policy_not_found',
} as const
export type CliErrorCode = (typeof CliErrorCode)[keyof typeof CliErrorCode]

export class CliError extends VerdictError<CliErrorCode> {
  override readonly name = 'CliError'
}
