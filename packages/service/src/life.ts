import { messageOf } from '@verdict/contract'
import type { Logger } from './log.ts'

/** How a process of ours ends. */
export const ExitCode = { stopped: 0, fault: 1, configuration: 2 } as const

/** Faults after the first are logged up to this many: a failing log must not feed itself. */
const FAULTS_LOGGED_MAX = 10

/** The phase of a process, and why it ends. */
export class Life {
  readonly log: Logger
  readonly #stopping = new AbortController()
  readonly #requested = Promise.withResolvers<void>()
  #phase: 'starting' | 'running' | 'stopping' = 'starting'
  #faults = 0

  constructor(log: Logger) {
    this.log = log
  }

  get phase(): string {
    return this.#phase
  }

  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** Resolves at the first reason to stop. */
  get stopRequested(): Promise<void> {
    return this.#requested.promise
  }

  requestStop(why: string): void {
    if (this.#phase === 'stopping') return
    this.log.info({ event: 'service_stopping', why }, `stopping: ${why}`)
    this.#enterStopping()
  }

  fail(error: unknown): void {
    process.exitCode = ExitCode.fault
    this.#faults++
    if (this.#faults <= FAULTS_LOGGED_MAX) {
      this.log.fatal({ event: 'service_failed', err: error }, messageOf(error))
    }
    this.#enterStopping()
  }

  /** Waits for the start, or for a reason to stop before that. */
  async started(starting: Promise<unknown>, onFailure: (thrown: unknown) => void): Promise<void> {
    const start = starting.then(
      () => {
        if (this.#phase !== 'starting') return
        this.#phase = 'running'
        this.log.info({ event: 'service_started' }, 'started')
      },
      (thrown) => {
        if (!this.stopping.aborted) return onFailure(thrown)
        // A start that gives up because it was told to is no fault.
        this.log.info({ event: 'start_abandoned', err: thrown }, 'the start was abandoned')
      },
    )
    await Promise.race([start, this.stopRequested])
  }

  #enterStopping(): void {
    if (this.#phase === 'stopping') return
    this.#phase = 'stopping'
    this.#stopping.abort()
    this.#requested.resolve()
  }
}
