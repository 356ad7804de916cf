import { VerdictError } from '@verdict/contract'

export const SubscriberErrorCode = {
  /** An event is not what the log has at its place: it was changed or made up on its way. */
  eventForged: 'event_forged',
  /** Records of a decision point did not come, though later ones did: somebody held them back. */
  eventMissing: 'event_missing',
  /** An event claims a place that no checkpoint of the log has covered in time. */
  eventUncovered: 'event_uncovered',
  /** The log contradicts what it has shown before: it was rolled back, or shows two histories. */
  checkpointInconsistent: 'checkpoint_inconsistent',
  /** A checkpoint is not signed by the log's key, or by too few witnesses. */
  checkpointUntrusted: 'checkpoint_untrusted',
  /** A tile of the log is not the one that its checkpoint stands for. */
  logDamaged: 'log_damaged',
  /** The log could not be read in time: it is tried again. */
  logUnreachable: 'log_unreachable',
  /** What was kept of a subscription can't be read: without it a rollback could not be told. */
  stateUnreadable: 'state_unreadable',
} as const
export type SubscriberErrorCode = (typeof SubscriberErrorCode)[keyof typeof SubscriberErrorCode]

/** Records that did not come. */
export interface MissingRecords {
  readonly instance: string
  readonly epoch: number
  readonly from: number
  readonly to: number
}

/** What of a subscription can't be trusted, or can't be had. */
export class SubscriberError extends VerdictError<SubscriberErrorCode> {
  override readonly name = 'SubscriberError'
  /** Of `event_missing`. */
  readonly missing: MissingRecords | undefined

  constructor(
    code: SubscriberErrorCode,
    message: string,
    options: { cause?: unknown; missing?: MissingRecords } = {},
  ) {
    super(code, message, options)
    this.missing = options.missing
  }
}
