import cluster from 'node:cluster'
import { Counter, type Registry } from 'prom-client'
import type { Logger } from '../log.ts'
import type { RunningService } from '../service-definition.ts'
import { JointMetrics } from './joint-metrics.ts'
import type { ToSupervisor } from './messages.ts'
import { WorkerProcess } from './worker-process.ts'

export interface SupervisorOptions {
  readonly count: number
  readonly log: Logger
  readonly metrics: Registry
  readonly stopping: AbortSignal
  /** How long a process may take to end before it is killed. */
  readonly stopTimeoutMs: number
}

/**
 * The processes of a service on the same ports. It serves nothing itself: it takes connections,
 * hands them to the processes by turns, replaces a process that dies and adds up their metrics.
 */
export class Supervisor implements RunningService {
  readonly #options: SupervisorOptions
  readonly #workers: readonly WorkerProcess[]
  readonly #metrics: JointMetrics
  readonly #restarts: Counter
  #stopped: Promise<void> | undefined

  /**
   * Resolves when all processes work. The first starts alone, so that the others find what it puts
   * on disk.
   * @throws {ProcessFailure} when one ended before it worked
   */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const { stopping } = options
    // Few connections carry all requests: the kernel would give most of them to one process.
    cluster.schedulingPolicy = cluster.SCHED_RR
    // JSON has no NaN, which an empty gauge may have.
    cluster.setupPrimary({ serialization: 'advanced' })
    const supervisor = new Supervisor(options)
    const stop = (): void => void supervisor.stop().catch(() => undefined)
    stopping.addEventListener('abort', stop)
    try {
      const [first, ...others] = supervisor.#workers
      await first?.start()
      await Promise.all(others.map((worker) => worker.start()))
      return supervisor
    } catch (thrown) {
      await supervisor.stop().catch(() => undefined)
      throw thrown
    } finally {
      stopping.removeEventListener('abort', stop)
    }
  }

  private constructor(options: SupervisorOptions) {
    const { count, metrics: own } = options
    this.#options = options
    this.#restarts = new Counter({
      name: 'verdict_process_restarts_total',
      help: 'Processes that ended by themselves and were started again.',
      registers: [own],
    })
    this.#workers = Array.from({ length: count }, (_, i) => this.#worker(i + 1))
    this.#metrics = new JointMetrics({ own, count, ask: () => this.#askAll() })
  }

  /** @throws {ProcessFailure} when one did not end in order */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    await this.#stopped
  }

  async #stop(): Promise<void> {
    const { stopTimeoutMs } = this.#options
    const stops = this.#workers.map((worker) => worker.stop(stopTimeoutMs))
    for (const result of await Promise.allSettled(stops)) {
      if (result.status === 'rejected') throw result.reason
    }
  }

  #worker(index: number): WorkerProcess {
    const { count, log } = this.#options
    return new WorkerProcess({
      place: { index, count },
      onMessage: (message) => void this.#hear(index, message),
      onStarted: (pid) => {
        const facts = { event: 'process_started', process: index, pid }
        log.info(facts, `process ${index} of ${count} works`)
      },
      onEnded: (how, retryMs) => {
        this.#metrics.ended(index)
        if (retryMs === undefined) return
        this.#restarts.inc()
        const facts = { event: 'process_ended', process: index, how, retryMs }
        const again = `starting it again in ${retryMs} ms`
        log.warn(facts, `process ${index} of ${count} ended (${how}): ${again}`)
      },
    })
  }

  async #hear(index: number, message: ToSupervisor): Promise<void> {
    if (message.kind === 'snapshot') return this.#metrics.take(index, message.snapshot)
    try {
      const text = await this.#metrics.text()
      this.#workers[index - 1]?.send({ kind: 'metrics', text })
    } catch (error) {
      // Whoever asked is told after a while that there is no answer.
      const facts = { event: 'metrics_failed', err: error }
      this.#options.log.error(facts, 'the metrics of all processes can not be added up')
    }
  }

  #askAll(): readonly number[] {
    return this.#workers.flatMap((worker, i) =>
      worker.send({ kind: 'snapshot_asked' }) ? [i + 1] : [],
    )
  }
}
