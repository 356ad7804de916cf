import type { JournalLine } from '@verdict/contract'

/** The index of the first entry: `0` means *before the log* wherever an index is asked for. */
export const FIRST_INDEX = 1

/** One line in the log. `json` is exactly what the decision point wrote and hashed. */
export interface LogEntry {
  readonly index: number
  readonly hash: string
  readonly json: string
}

/**
 * The writer's seam: an append-only list of lines. What is above it has verified the place of a
 * line, what is below it makes the list durable. An append is part of the transaction that the
 * store runs, and the entry is in the log when that commits.
 */
export interface DecisionLog {
  /** The index of the last entry; `0` when there is none. */
  readonly lastIndex: number
  append(line: JournalLine): number
  read(index: number): LogEntry | undefined
  /** Follows a transaction that was rolled back: the entries behind an index are no more. */
  rolledBack(lastIndex: number): void
}
