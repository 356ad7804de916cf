import { setTimeout as delay } from 'node:timers/promises'

const POLL_INTERVAL_MS = 20

export interface WaitOptions {
  /** After this long the wait fails. */
  readonly deadlineMs: number
  /** What is waited for, as it completes "waited in vain for …". */
  readonly what: string
}

/**
 * Asks until the answer is truthy, and returns it. An error of the condition ends the wait at
 * once; a condition that never answers ends it at the deadline.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { deadlineMs, what }: WaitOptions,
): Promise<NonNullable<T>> {
  const deadline = AbortSignal.timeout(deadlineMs)
  const late = Promise.withResolvers<never>()
  deadline.addEventListener('abort', () => {
    late.reject(new Error(`waited in vain for ${what}, ${deadlineMs} ms long`))
  })
  for (;;) {
    const answer = await Promise.race([condition(), late.promise])
    if (answer) return answer
    await Promise.race([delay(POLL_INTERVAL_MS), late.promise])
  }
}
