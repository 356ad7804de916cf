import { setTimeout as delay } from 'node:timers/promises'

/** Waits until the promise settles, either way, or the time is over. */
export async function settledWithin(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
  const over = new AbortController()
  const late = delay(timeoutMs, undefined, { signal: over.signal })
  try {
    await Promise.race([promise, late])
  } catch {
    // The wait is what was asked for; how the promise settled is for its owner.
  } finally {
    over.abort()
    await Promise.allSettled([late])
  }
}

/** Waits for a while, or until the signal says stop. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal })
  } catch {
    // The signal ended the wait: the caller looks at it next.
  }
}
