/**
 * How far the journal of a decision point is in the log: all its records up to `n`, without a gap,
 * are under a checkpoint that is shown. A journal keeps its segments until it is told so.
 */
export interface Covered {
  readonly instance: string
  readonly epoch: number
  readonly n: number
  readonly checkpoint: { readonly origin: string; readonly size: number }
}

/** How often all journals are told again: a message on this subject may get lost. */
export const COVERED_INTERVAL_MS = 15_000

/** Reads what is told; undefined where it is something else. */
export function parseCovered(json: string): Covered | undefined {
  try {
    const given = JSON.parse(json) as Partial<Covered>
    const { instance, epoch, n, checkpoint } = given
    const isWhole =
      typeof instance === 'string' &&
      Number.isSafeInteger(epoch) &&
      Number.isSafeInteger(n) &&
      typeof checkpoint?.origin === 'string' &&
      Number.isSafeInteger(checkpoint.size)
    return isWhole ? (given as Covered) : undefined
  } catch {
    // Not JSON: who reads it passes over it.
    return undefined
  }
}
