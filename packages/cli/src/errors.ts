import { VerdictError } from '@verdict/contract'

export const CliErrorCode = {
  /** The arguments of a command are wrong: its help says which there are. */
  usage: 'usage',
  /** Another process listens on a port that the cluster needs. */
  portInUse: 'port_in_use',
  /** An address can't be listened on: it is not of this machine, or not for this user. */
  cannotListen: 'cannot_listen',
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
  /** No hold of this name is in force. */
  holdNotFound: 'hold_not_found',
  /** The audit service, or the log that it shows, can't be read: nothing is said about the log. */
  auditUnavailable: 'audit_unavailable',
  /** The log has fewer leaves than a checkpoint that it signed and that was kept. */
  logRolledBack: 'log_rolled_back',
  /** The log is not the one of a checkpoint that it signed and that was kept: it has two histories. */
  logForked: 'log_forked',
  /** A receipt does not hold the record that it is about, and none was given. */
  receiptLeafMissing: 'receipt_leaf_missing',
  /** The record that was given is not the one that the receipt holds. */
  receiptLeafDiffers: 'receipt_leaf_differs',
  /** A receipt is valid, and what it is about can't be read by this version. */
  receiptLeafUnreadable: 'receipt_leaf_unreadable',
  /** The record of the decision lacks what it takes to explain it, such as the input. */
  notExplainable: 'not_explainable',
  /** The policies that took the decision are in none of the places that were looked at. */
  policyNotFound: 'policy_not_found',
  /** A list of logs, or the key of one, is not what a witness can be given. */
  witnessLogsInvalid: 'witness_logs_invalid',
  /** The keys in a state directory are those of a witness of another name. */
  witnessNameDiffers: 'witness_name_differs',
  /** Another witness runs with the same state directory. */
  witnessStateInUse: 'witness_state_in_use',
  /** What a witness must remember is missing or changed: it must not go on. */
  witnessStateDamaged: 'witness_state_damaged',
  /** A witness remembers less of a log than it did before: a part of its state was put back. */
  witnessStateOlder: 'witness_state_older',
  /** The state of a witness was copied, such as from a backup, and so may be an older one. */
  witnessStateCopied: 'witness_state_copied',
  /** The state of a witness can't be written: it cosigns nothing more. */
  witnessStateFailed: 'witness_state_failed',
  /** A cluster under torture did not recover in time. */
  tortureStuck: 'torture_stuck',
  /** A cluster under torture did what it must never do. */
  tortureFailed: 'torture_failed',
} as const
export type CliErrorCode = (typeof CliErrorCode)[keyof typeof CliErrorCode]

export class CliError extends VerdictError<CliErrorCode> {
  override readonly name = 'CliError'
}
