import cluster, { type Worker } from 'node:cluster'
import { setTimeout as delay } from 'node:timers/promises'
import { ExitCode } from '../life.ts'
import type { ToSupervisor, ToWorker } from './messages.ts'
import { ProcessFailure } from './process-failure.ts'
import type { WorkerPlace } from './supervisor-link.ts'

/** The wait before a restart doubles from the first to the last, and begins anew … */
const BACKOFF_MIN_MS = 100
const BACKOFF_MAX_MS = 5_000
/** … once the process has worked for this long. */
const STABLE_MS = 10_000

/** The variable by which a worker knows its place, as `index/count`; it is no setting. */
export const PLACE_VARIABLE = 'PROCESS_PLACE'

export interface WorkerProcessOptions {
  readonly place: WorkerPlace
  readonly onMessage: (message: ToSupervisor) => void
  readonly onStarted: (pid: number) => void
  /** It ended, and is started again after so long; undefined where it is not. */
  readonly onEnded: (how: string, retryMs: number | undefined) => void
}

interface Ending {
  readonly how: string
  readonly code: number | undefined
}

/** One process of a service: started again when it ends, until it is stopped. */
export class WorkerProcess {
  readonly #options: WorkerProcessOptions
  readonly #stopping = new AbortController()
  readonly #firstStart = Promise.withResolvers<void>()
  #worker: Worker | undefined
  #startedMs: number | undefined
  #life: Promise<Ending | undefined> | undefined

  constructor(options: WorkerProcessOptions) {
    this.#options = options
    // Whoever does not wait for the start need not hear that it failed.
    this.#firstStart.promise.catch(() => undefined)
  }

  /** Resolves when it works. @throws {ProcessFailure} when it ends before that, the first time */
  async start(): Promise<void> {
    this.#life ??= this.#live()
    await this.#firstStart.promise
  }

  /** Whether it is there to hear a message. */
  send(message: ToWorker): boolean {
    if (this.#startedMs === undefined || !this.#worker?.isConnected()) return false
    // A process that ends at this moment hears nothing more, and need not.
    this.#worker.process.send(message, () => undefined)
    return true
  }

  /**
   * Ends it in order, or by force when that takes longer.
   * @throws {ProcessFailure} when it did not end in order
   */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping.abort()
    this.#worker?.process.kill('SIGTERM')
    const kill = setTimeout(() => this.#worker?.process.kill('SIGKILL'), timeoutMs)
    const ending = await this.#life
    clearTimeout(kill)
    if (ending === undefined || ending.code === ExitCode.stopped) return
    // A process so young that it does not listen to signals yet has begun nothing.
    if (this.#startedMs === undefined && ending.how === 'signal SIGTERM') return
    throw new ProcessFailure(this.#options.place, 'did not stop in order', ending)
  }

  /** Resolves with how its last process ended, where one was running when it was stopped. */
  async #live(): Promise<Ending | undefined> {
    const { place, onEnded } = this.#options
    const { signal } = this.#stopping
    let worked = false
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const ending = await this.#once()
      const lifeMs = this.#startedMs === undefined ? 0 : performance.now() - this.#startedMs
      worked ||= this.#startedMs !== undefined
      if (signal.aborted || !worked) {
        onEnded(ending.how, undefined)
        this.#firstStart.reject(new ProcessFailure(place, 'ended before it worked', ending))
        return ending
      }
      if (lifeMs >= STABLE_MS) attempt = 0
      const retryMs = Math.min(BACKOFF_MIN_MS * 2 ** attempt, BACKOFF_MAX_MS)
      onEnded(ending.how, retryMs)
      await delay(retryMs, undefined, { signal }).catch(() => undefined)
    }
    const nothing = { how: 'it was not there', code: undefined }
    this.#firstStart.reject(new ProcessFailure(place, 'was stopped', nothing))
    return undefined
  }

  /** One life of the process; resolves when it has ended and all that it said was heard. */
  async #once(): Promise<Ending> {
    const { place, onMessage, onStarted } = this.#options
    this.#startedMs = undefined
    const worker = cluster.fork({ [PLACE_VARIABLE]: `${place.index}/${place.count}` })
    this.#worker = worker
    const ended = Promise.withResolvers<Ending>()
    const silent = Promise.withResolvers<void>()
    worker.on('message', (message: ToSupervisor) => {
      if (message.kind !== 'started') return onMessage(message)
      this.#startedMs = performance.now()
      onStarted(worker.process.pid ?? 0)
      this.#firstStart.resolve()
    })
    worker.once('exit', (code: number | null, signal: string | null) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`
      ended.resolve({ how, code: code ?? undefined })
    })
    worker.once('disconnect', () => silent.resolve())
    worker.on('error', (error) => {
      // Of all errors only this one is not followed by the two events above.
      if (worker.process.pid !== undefined) return
      ended.resolve({ how: error.message, code: undefined })
      silent.resolve()
    })
    const ending = await ended.promise
    await silent.promise
    this.#worker = undefined
    return ending
  }
}
