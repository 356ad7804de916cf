import { AggregatorRegistry, Gauge, type Registry } from 'prom-client'
import type { Snapshot } from './messages.ts'

/** A worker that does not tell its metrics within this time is left out, and counted as missing. */
export const JOINT_TIMEOUT_MS = 1_000

/** What only grows: kept of a process that died, so that no total ever goes back. */
const CUMULATIVE = new Set<unknown>(['counter', 'histogram'])
/** The service is as old as its oldest process, which prom-client would leave out. */
const START_TIME = 'process_start_time_seconds'

export interface JointMetricsOptions {
  /** Of the supervisor itself. */
  readonly own: Registry
  readonly count: number
  /** Asks all workers that are there for a snapshot; returns the indexes of those. */
  readonly ask: () => readonly number[]
}

/** The metrics of all processes of a service as one text. */
export class JointMetrics {
  readonly #options: JointMetricsOptions
  readonly #missing: Gauge
  /** The last snapshot of each worker that lives, by its index. */
  readonly #last = new Map<number, Snapshot>()
  #told = (_index: number): void => undefined
  /** All that the workers counted which are gone. */
  #gone: Promise<Snapshot> = Promise.resolve([])
  #collecting: Promise<string> | undefined

  constructor(options: JointMetricsOptions) {
    const { own, count } = options
    this.#options = options
    const registers = [own]
    new Gauge({ name: 'verdict_processes', help: 'Processes as configured.', registers }).set(count)
    this.#missing = new Gauge({
      name: 'verdict_processes_missing',
      help: 'Processes that did not tell their metrics in time: of them only totals are in here.',
      registers,
    })
  }

  /** One collection at a time: whoever asks meanwhile gets the same text. */
  async text(): Promise<string> {
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined
    })
    return await this.#collecting
  }

  /** Takes in what a worker tells. */
  take(index: number, snapshot: Snapshot): void {
    this.#last.set(index, snapshot)
    this.#told(index)
  }

  /** Keeps the totals of a worker that ended, as far as it has told them. */
  ended(index: number): void {
    const last = this.#last.get(index)
    if (last === undefined) return
    this.#last.delete(index)
    this.#gone = this.#gone.then(
      async (gone) => await merged([gone, cumulative(last)]).getMetricsAsJSON(),
    )
  }

  async #collect(): Promise<string> {
    const { own, count } = this.#options
    const fresh = await this.#ask()
    this.#missing.set(count - fresh.size)
    const gone = this.#gone
    // At the same moment as what is gone, so that no worker is in both or in none.
    const workers = [...this.#last].map(([index, snapshot]) =>
      fresh.has(index) ? snapshot : cumulative(snapshot),
    )
    const supervisor = await own.getMetricsAsJSON()
    return await merged([supervisor.map(withStartTime), await gone, ...workers]).metrics()
  }

  /** The workers that told a snapshot in time. */
  async #ask(): Promise<ReadonlySet<number>> {
    const fresh = new Set<number>()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, JOINT_TIMEOUT_MS)
    const asked = this.#options.ask()
    this.#told = (index) => {
      fresh.add(index)
      if (asked.every((each) => fresh.has(each))) resolve()
    }
    if (asked.length > 0) await promise
    clearTimeout(timer)
    this.#told = () => undefined
    return fresh
  }
}

function merged(snapshots: readonly Snapshot[]): Registry {
  return AggregatorRegistry.aggregate([...snapshots])
}

function cumulative(snapshot: Snapshot): Snapshot {
  return snapshot.filter(({ type }) => CUMULATIVE.has(type))
}

function withStartTime(metric: Snapshot[number]): Snapshot[number] {
  return metric.name === START_TIME ? { ...metric, aggregator: 'min' } : metric
}
