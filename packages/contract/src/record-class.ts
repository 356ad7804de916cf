/** How well a decision has to be on record before its caller gets an answer. */
export const RecordClass = {
  /** On the disk of the decision point. */
  journal: 'journal',
  /** In the stream as well: its acknowledgement covers the record. */
  replicated: 'replicated',
  /** The answer waits for nothing; a record that finds no place is dropped and counted. */
  bestEffort: 'best_effort',
} as const
export type RecordClass = (typeof RecordClass)[keyof typeof RecordClass]
export const RECORD_CLASSES = [
  RecordClass.journal,
  RecordClass.replicated,
  RecordClass.bestEffort,
] as const
