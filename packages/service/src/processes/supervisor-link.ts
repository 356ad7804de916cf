import cluster from 'node:cluster'
import { Registry } from 'prom-client'
import { ServiceError, ServiceErrorCode } from '../errors.ts'
import { JOINT_TIMEOUT_MS } from './joint-metrics.ts'
import type { ToSupervisor, ToWorker } from './messages.ts'

/** Which of the processes of a service this is; the first of one where it has a single process. */
export interface WorkerPlace {
  /** From 1 on. A process that takes the place of a dead one has its index. */
  readonly index: number
  readonly count: number
}

/** The supervisor waits for slow workers itself; what takes longer than that is a fault. */
const METRICS_TIMEOUT_MS = JOINT_TIMEOUT_MS + 2_000

/** How a worker and its supervisor talk; the end of a worker's own registry. */
export class SupervisorLink {
  readonly place: WorkerPlace
  /** The metrics of this process; its text is that of all processes together. */
  readonly metrics: Registry
  #asking: PromiseWithResolvers<string> | undefined

  constructor(place: WorkerPlace) {
    this.place = place
    this.metrics = new JointRegistry(() => this.#metricsOfAll())
    process.on('message', (message: ToWorker) => {
      if (message.kind === 'metrics') this.#asking?.resolve(message.text)
      else void this.#tellSnapshot()
    })
  }

  /** Says that this process works. */
  started(): void {
    void tell({ kind: 'started' })
  }

  /** Hands over what was counted last, and lets go of the channel, which keeps a process alive. */
  async leave(): Promise<void> {
    await this.#tellSnapshot()
    cluster.worker?.disconnect()
  }

  async #tellSnapshot(): Promise<void> {
    // A metric that can't be read makes this process one that is missing in the metrics of all.
    const snapshot = await this.metrics.getMetricsAsJSON().catch(() => undefined)
    if (snapshot !== undefined) await tell({ kind: 'snapshot', snapshot })
  }

  /** One question at a time: whoever asks meanwhile gets the same answer. */
  async #metricsOfAll(): Promise<string> {
    if (this.#asking !== undefined) return await this.#asking.promise
    const asking = Promise.withResolvers<string>()
    this.#asking = asking
    const why = `the supervisor told no metrics within ${METRICS_TIMEOUT_MS} ms`
    const late = new ServiceError(ServiceErrorCode.metricsUnavailable, why)
    const timer = setTimeout(() => asking.reject(late), METRICS_TIMEOUT_MS)
    void tell({ kind: 'metrics_asked' })
    try {
      return await asking.promise
    } finally {
      clearTimeout(timer)
      this.#asking = undefined
    }
  }
}

class JointRegistry extends Registry {
  readonly #metricsOfAll: () => Promise<string>

  constructor(metricsOfAll: () => Promise<string>) {
    super()
    this.#metricsOfAll = metricsOfAll
  }

  override async metrics(): Promise<string> {
    return await this.#metricsOfAll()
  }
}

/** Without a supervisor there is nobody to tell: this process is about to end. */
async function tell(message: ToSupervisor): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (process.send === undefined) resolve()
  else process.send(message, undefined, undefined, () => resolve())
  await promise
}
