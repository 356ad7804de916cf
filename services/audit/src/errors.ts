import { VerdictError } from '@verdict/contract'

export const AuditErrorCode = {
  /** Another audit service has the data directory open: one log has one writer. */
  dataDirInUse: 'data_dir_in_use',
  /** The data directory was written by a later version of Verdict. */
  dataDirTooNew: 'data_dir_too_new',
  /** The store could not read or write, and the next try may succeed; the cause says why. */
  storeFailed: 'store_failed',
  /** Records are in the log, and the index could not take them in: the next start does. */
  indexBehind: 'index_behind',
  /** The log could not be written, so that what is on disk is only known after a restart. */
  logFailed: 'log_failed',
  /** The log, or what is staged for it, is not what its checkpoint stands for. */
  logDamaged: 'log_damaged',
  /** The scrubber has found damage: nothing is added to the log until its files are restored. */
  damageUnmended: 'damage_unmended',
  /** The log is older than its lock record: a restored backup, or a part of it is lost. */
  logOlder: 'log_older',
  /** The lock record is older than the log: it is one of a backup. */
  lockRecordOlder: 'lock_record_older',
  /** There is a log, and nothing that tells whether it is the newest one. */
  lockRecordMissing: 'lock_record_missing',
  /** Another writer has changed the lock record: one log has one writer. */
  lockLost: 'lock_lost',
  /** There is a log, and not the key that signs its checkpoints. */
  logKeyMissing: 'log_key_missing',
  /** The file of the log's key holds no such key. */
  logKeyWrong: 'log_key_wrong',
  /** There is a hold of this name, or there are too many: the message says what to do. */
  holdRefused: 'hold_refused',
  /** An origin is malformed, or not the one that the log has. */
  originWrong: 'origin_wrong',
  /** There was no decision on who may read the log: authz is out of reach, or has a fault. */
  authorizationUnavailable: 'authorization_unavailable',
  /** Records are in the log, but the connection was lost before subscribers were told of them. */
  notTold: 'not_told',
  /** The stream is not as it was declared: whoever changed it can have it lose records. */
  streamWeakened: 'stream_weakened',
  /** The policy of witnesses can't be used for this log. */
  witnessPolicyWrong: 'witness_policy_wrong',
  /** A witness did not answer. */
  witnessUnreachable: 'witness_unreachable',
  /** A witness answered, and did not cosign. */
  witnessRefused: 'witness_refused',
  /** A witness knows another history of the log, or more of it than there is. */
  witnessContradiction: 'witness_contradiction',
  /** The receiver of a webhook did not answer, or did not accept: it is tried again. */
  webhookFailed: 'webhook_failed',
  /** The receiver of a webhook wants nothing more (410): nothing is sent to that URL again. */
  webhookGone: 'webhook_gone',
} as const
export type AuditErrorCode = (typeof AuditErrorCode)[keyof typeof AuditErrorCode]

export class AuditError extends VerdictError<AuditErrorCode> {
  override readonly name = 'AuditError'
}
