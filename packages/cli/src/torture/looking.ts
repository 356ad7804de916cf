import { messageOf } from '@verdict/contract'
import type { LogReader } from './log-reader.ts'
import { pause, until } from './waiting.ts'

const LOOK_INTERVAL_MS = 200
const GROWTH_DEADLINE_MS = 30_000

/** Notes every checkpoint that is shown, as a reader out there would, until one can't be. */
export function keepLooking(reader: LogReader): { stop(): Promise<string[]> } {
  const ended = new AbortController()
  const problems: string[] = []
  const look = async (): Promise<void> => {
    while (!ended.signal.aborted && problems.length === 0) {
      await reader.look().catch((error: unknown) => problems.push(messageOf(error)))
      // A stop ends the pause.
      await pause(LOOK_INTERVAL_MS, ended.signal).catch(() => undefined)
    }
  }
  const looking = look()
  return {
    async stop() {
      ended.abort()
      await looking
      return problems
    },
  }
}

/** Waits until the log has more than it has now. @throws {CliError} `torture_stuck` */
export async function logGrows(
  reader: LogReader,
  during: string,
  stop: AbortSignal,
): Promise<void> {
  await reader.update()
  const before = reader.leaves
  const grown = async (): Promise<boolean> => {
    await reader.update()
    return reader.leaves > before
  }
  const what = `the log to grow ${during}`
  await until(grown, { deadlineMs: GROWTH_DEADLINE_MS, what, stop })
}
