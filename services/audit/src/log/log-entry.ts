/** The number of the first decision: `0` means *before the log* wherever one is asked for. */
export const FIRST_INDEX = 1

/** One decision in the log. `json` is exactly what the decision point wrote and hashed. */
export interface LogEntry {
  readonly index: number
  readonly hash: string
  readonly json: string
}
