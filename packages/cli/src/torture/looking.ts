import { messageOf } from '@verdict/contract'
import type { LogReader } from './log-reader.ts'
import { pause, until } from './waiting.ts'

const LOOK_INTERVAL_MS = 200
const GROWTH_DEADLINE_MS = 30_000

/** Notes every checkpoint that is shown, as a reader out there would, until one can't be. */
export class Looking {
  readonly #reader: LogReader
  readonly #ended = new AbortController()
  readonly #problems: string[] = []
  readonly #done: Promise<void>
  #look: Promise<unknown> = Promise.resolve()
  #isAway: boolean = false

  constructor(reader: LogReader) {
    this.#reader = reader
    this.#done = this.#run()
  }

  /** Does not look while something is done that nobody is to see. */
  async away<T>(work: () => Promise<T>): Promise<T> {
    this.#isAway = true
    try {
      await this.#look
      return await work()
    } finally {
      this.#isAway = false
    }
  }

  async stop(): Promise<string[]> {
    this.#ended.abort()
    await this.#done
    return this.#problems
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted && this.#problems.length === 0) {
      if (!this.#isAway) {
        this.#look = this.#reader.look().catch((error: unknown) => {
          this.#problems.push(messageOf(error))
        })
        await this.#look
      }
      // A stop ends the pause.
      await pause(LOOK_INTERVAL_MS, signal).catch(() => undefined)
    }
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
