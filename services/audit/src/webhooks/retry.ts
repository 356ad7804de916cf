/** After a failure; doubles with each further one. Half of it is left to chance. */
export const WEBHOOK_RETRY_MS = 500
/** What it doubles to, and the longest that a receiver may ask for. */
export const WEBHOOK_RETRY_MS_MAX = 300_000
/** 2^20 times the first wait is beyond any bound; larger powers are no numbers at last. */
const DOUBLINGS_MAX = 20

export interface Failed {
  /** How often in a row before this time. */
  readonly before: number
  /** How long the receiver wants to be left alone, in ms. */
  readonly askedMs: number
}

/** How long to wait until the next try, in ms; `chance` is from 0 to 1. */
export function retryWaitMs(
  { askedMs, before }: Failed,
  {
    chance = Math.random(),
    firstMs = WEBHOOK_RETRY_MS,
  }: { chance?: number; firstMs?: number } = {},
): number {
  const longest = Math.min(firstMs * 2 ** Math.min(before, DOUBLINGS_MAX), WEBHOOK_RETRY_MS_MAX)
  return Math.min(Math.max((longest * (1 + chance)) / 2, askedMs), WEBHOOK_RETRY_MS_MAX)
}
