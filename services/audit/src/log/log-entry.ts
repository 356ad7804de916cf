/** The number of the first decision: `0` means *before the log* wherever one is asked for. */
export const FIRST_INDEX = 1

/** One decision in the log. `json` is exactly what the decision point wrote and hashed. */
export interface LogEntry {
  readonly index: number
  /** Its leaf, counted over the whole log. */
  readonly leaf: number
  readonly hash: string
  readonly json: string
  /**
   * The personal fields that could be read: their texts are in `json` now, which is not what was
   * hashed then.
   */
  readonly opened?: readonly string[]
}
