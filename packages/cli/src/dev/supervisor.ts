import { messageOf } from '@verdict/contract'
import { CliError, CliErrorCode } from '../errors.ts'

/** The wait before a restart doubles from the first to the last, and begins anew … */
export const BACKOFF_MIN_MS = 100
export const BACKOFF_MAX_MS = 5_000
/** … once the process was ready for this long. */
export const STABLE_MS = 10_000
const PROBE_INTERVAL_MS = 100
/** A process that ended this often without having been ready once will not become ready. */
const FIRST_LIVES_MAX = 3
/** After SIGKILL a process is gone at once; what is not is told and left. */
const KILL_TIMEOUT_MS = 5_000
/** A process that ends with this code will end with it again: its settings are wrong. */
const CONFIGURATION_EXIT_CODE = 2

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process that runs. */
export interface Launched {
  readonly pid: number
  readonly exited: Promise<Exit>
  signal(name: 'SIGTERM' | 'SIGKILL'): void
}

/** How to run one process of the cluster. */
export interface Program {
  readonly name: string
  launch(): Promise<Launched>
  /** One look at whether it is ready; rejects where that can't be told. */
  probe(): Promise<boolean>
  /** The time to end in order. */
  readonly stopTimeoutMs: number
  /** The last that it said, for when it does not become ready. */
  lastWords(): string
}

export type SupervisorEvent =
  | { readonly kind: 'launched'; readonly pid: number }
  | { readonly kind: 'ready'; readonly again: boolean }
  | { readonly kind: 'ended'; readonly how: string; readonly retryMs: number }
  | { readonly kind: 'killed'; readonly forced: boolean }

export interface SupervisorOptions {
  readonly onEvent: (event: SupervisorEvent) => void
}

/** Keeps one process running: starts it again, with a growing wait, until it is told to stop. */
export class Supervisor {
  readonly program: Program
  readonly #onEvent: SupervisorOptions['onEvent']
  readonly #stopping = new AbortController()
  readonly #firstReady = Promise.withResolvers<void>()
  #current: Launched | undefined
  #readySince: number | undefined
  #attempt = 0
  #readyBefore = false
  #firstLives = 0
  #killing: boolean = false
  #life: Promise<void> | undefined

  constructor(program: Program, { onEvent }: SupervisorOptions) {
    this.program = program
    this.#onEvent = onEvent
    // Whoever does not wait for the first time that it is ready need not hear that it was not.
    this.#firstReady.promise.catch(() => undefined)
  }

  get pid(): number | undefined {
    return this.#current?.pid
  }

  get ready(): boolean {
    return this.#readySince !== undefined
  }

  start(): void {
    this.#life ??= this.#live()
  }

  /** Resolves when the process is ready for the first time. @throws {CliError} `start_failed` */
  async whenReady(options: { timeoutMs: number; signal: AbortSignal }): Promise<void> {
    const { timeoutMs, signal } = options
    const deadline = AbortSignal.timeout(timeoutMs)
    const given = AbortSignal.any([deadline, signal])
    const ended = Promise.withResolvers<never>()
    const onAbort = (): void =>
      ended.reject(
        signal.aborted
          ? signal.reason
          : startFailed(this.program, `is not ready after ${timeoutMs / 1000} s`),
      )
    given.addEventListener('abort', onAbort)
    if (given.aborted) onAbort()
    try {
      await Promise.race([this.#firstReady.promise, ended.promise])
    } finally {
      given.removeEventListener('abort', onAbort)
    }
  }

  /** Ends the process in order, or by force when it takes too long or `force` says so. */
  async stop(force: AbortSignal): Promise<void> {
    this.#stopping.abort()
    this.#current?.signal('SIGTERM')
    const life = this.#life ?? Promise.resolve()
    const given = AbortSignal.any([force, AbortSignal.timeout(this.program.stopTimeoutMs)])
    if (await endsBefore(life, given)) return
    this.#onEvent({ kind: 'killed', forced: force.aborted })
    this.#killing = true
    this.#current?.signal('SIGKILL')
    await endsBefore(life, AbortSignal.timeout(KILL_TIMEOUT_MS))
  }

  async #live(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const how = await this.#once()
      if (signal.aborted) break
      const retryMs = Math.min(BACKOFF_MIN_MS * 2 ** this.#attempt, BACKOFF_MAX_MS)
      this.#attempt += 1
      this.#onEvent({ kind: 'ended', how, retryMs })
      await pause(retryMs, signal)
    }
  }

  /** One life of the process; resolves with how it ended. */
  async #once(): Promise<string> {
    try {
      const launched = await this.program.launch()
      this.#current = launched
      this.#onEvent({ kind: 'launched', pid: launched.pid })
      // A stop that came during the launch has not seen this process.
      if (this.#stopping.signal.aborted) launched.signal(this.#killing ? 'SIGKILL' : 'SIGTERM')
      const ended = new AbortController()
      void this.#probe(AbortSignal.any([ended.signal, this.#stopping.signal]))
      const exit = await launched.exited
      ended.abort()
      const how = describeExit(exit)
      this.#firstLives += 1
      if (exit.code === CONFIGURATION_EXIT_CODE || this.#firstLives === FIRST_LIVES_MAX) {
        this.#firstReady.reject(startFailed(this.program, `ended (${how})`))
      }
      return how
    } catch (error) {
      // A first launch that fails is the user's to solve; a later one is tried again.
      this.#firstReady.reject(error)
      return messageOf(error)
    } finally {
      const since = this.#readySince
      if (since !== undefined && performance.now() - since >= STABLE_MS) this.#attempt = 0
      this.#readySince = undefined
      this.#current = undefined
    }
  }

  async #probe(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // What can't be reached is not ready yet.
      const ready = await this.program.probe().catch(() => false)
      if (ready && !signal.aborted) {
        this.#readySince = performance.now()
        this.#onEvent({ kind: 'ready', again: this.#readyBefore })
        this.#readyBefore = true
        this.#firstReady.resolve()
        return
      }
      await pause(PROBE_INTERVAL_MS, signal)
    }
  }
}

function startFailed(program: Program, what: string): CliError {
  const words = program.lastWords()
  const said = words === '' ? '' : `; the last that it said:\n${words}`
  return new CliError(CliErrorCode.startFailed, `${program.name} ${what}${said}`)
}

function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`
}

async function endsBefore(exited: Promise<unknown>, given: AbortSignal): Promise<boolean> {
  if (given.aborted) return false
  const late = Promise.withResolvers<false>()
  const onAbort = (): void => late.resolve(false)
  given.addEventListener('abort', onAbort)
  try {
    return await Promise.race([exited.then(() => true), late.promise])
  } finally {
    given.removeEventListener('abort', onAbort)
  }
}

/** Waits, or less where the signal comes first. */
async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const waited = Promise.withResolvers<void>()
  const timer = setTimeout(waited.resolve, durationMs)
  const onAbort = (): void => waited.resolve()
  signal.addEventListener('abort', onAbort)
  await waited.promise
  clearTimeout(timer)
  signal.removeEventListener('abort', onAbort)
}
