import { VerdictError } from '@verdict/contract'

export const JournalErrorCode = {
  /** The directory holds as many bytes as it may: no decision until lines are shipped. */
  full: 'full',
  /** More waits for the disk than may wait: the disk is slower than the decisions. */
  overloaded: 'overloaded',
  /** The disk refused to read, write or sync; after a write nothing more is accepted. */
  failed: 'failed',
  /** The journal was closed before the record came. */
  closed: 'closed',
  /** The line of a record is longer than JOURNAL_LINE_BYTES_MAX. */
  recordTooLarge: 'record_too_large',
  /** The text of a record is not one line. */
  malformedRecord: 'malformed_record',
  /** Another process, or this one, has the journal open. */
  locked: 'locked',
  /** What is on disk is not what was written: lines are damaged, missing or out of order. */
  corrupt: 'corrupt',
  /** The instance name is malformed, or the journal belongs to another instance. */
  wrongInstance: 'wrong_instance',
} as const
export type JournalErrorCode = (typeof JournalErrorCode)[keyof typeof JournalErrorCode]

export class JournalError extends VerdictError<JournalErrorCode> {
  override readonly name = 'JournalError'
}

/** A journal that must not be continued: `what` names the file, and the line where there is one. */
export function corrupt(dir: string, what: string, cause?: unknown): JournalError {
  return new JournalError(
    JournalErrorCode.corrupt,
    `journal \`${dir}\` is damaged: ${what}: set the directory aside (a new epoch begins and ` +
      'the audit log shows the gap)',
    { cause },
  )
}
