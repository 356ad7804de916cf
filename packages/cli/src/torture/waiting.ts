import { setTimeout as delay } from 'node:timers/promises'
import { CliError, CliErrorCode } from '../errors.ts'

const POLL_INTERVAL_MS = 50

export interface Waiting {
  /** After this long the wait fails. */
  readonly deadlineMs: number
  /** What is waited for, as it completes "waited in vain for …". */
  readonly what: string
  readonly stop: AbortSignal
}

/**
 * Asks until the answer is truthy, and returns it.
 * @throws {CliError} `torture_stuck`; the reason of `stop` when that comes first
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { deadlineMs, what, stop }: Waiting,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    stop.throwIfAborted()
    const answer = await condition()
    if (answer) return answer
    if (performance.now() > deadline) {
      const message = `waited in vain for ${what}, ${deadlineMs / 1_000} s long`
      throw new CliError(CliErrorCode.tortureStuck, message)
    }
    await delay(POLL_INTERVAL_MS, undefined, { signal: stop })
  }
}

/** The same, where its failure is an answer, too. */
export async function comesTrue(
  condition: () => boolean | Promise<boolean>,
  waiting: Omit<Waiting, 'what'>,
): Promise<boolean> {
  try {
    return await until(condition, { ...waiting, what: 'it' })
  } catch (error) {
    if (error instanceof CliError && error.code === CliErrorCode.tortureStuck) return false
    throw error
  }
}

/** A pause of a scenario, which a stop ends. */
export async function pause(durationMs: number, stop: AbortSignal): Promise<void> {
  await delay(durationMs, undefined, { signal: stop })
}
