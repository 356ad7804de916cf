import { VerdictError } from '@verdict/contract'

export const AuditErrorCode = {
  /** Another audit service has the data directory open: one log has one writer. */
  dataDirInUse: 'data_dir_in_use',
  /** The data directory was written by a later version of Verdict. */
  dataDirTooNew: 'data_dir_too_new',
  /** The store could not read or write; the cause is SQLite's error. */
  storeFailed: 'store_failed',
  /** Records are in the log, but the connection was lost before subscribers were told of them. */
  notTold: 'not_told',
} as const
export type AuditErrorCode = (typeof AuditErrorCode)[keyof typeof AuditErrorCode]

export class AuditError extends VerdictError<AuditErrorCode> {
  override readonly name = 'AuditError'
}
