/** Where a record stands: `n` counts from 1 within one epoch, the life of one journal directory. */
export interface JournalPosition {
  readonly instance: string
  /** The time at which the journal was created, in ms: a lost journal begins a later epoch. */
  readonly epoch: number
  readonly n: number
}
