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
  /** An origin is malformed, or not the one that the log has. */
  originWrong: 'origin_wrong',
  /** Records are in the log, but the connection was lost before subscribers were told of them. */
  notTold: 'not_told',
} as const
export type AuditErrorCode = (typeof AuditErrorCode)[keyof typeof AuditErrorCode]

export class AuditError extends VerdictError<AuditErrorCode> {
  override readonly name = 'AuditError'
}
