import { onCovered, storeBatch } from '@verdict/bus'
import {
  type RecordSource,
  ServiceProcess,
  startBus,
  type TestBus,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import type { NatsConnection } from 'nats'
import { cpuTimeUs } from './machine.ts'

/** No run fills it: what has no room in the stream would be offered again and again. */
const STREAM_BYTES_MAX = 3 * 1024 ** 3
const STORE_TIMEOUT_MS = 30_000
const COVERED_DEADLINE_MS = 600_000
/** Messages that are offered to the stream at one time. */
const STORING = 4

/** How many records of a journal a checkpoint covers, when that was heard, and what was spent. */
export interface Covered {
  readonly n: number
  readonly atMs: number
  /** The CPU time of both processes by then. */
  readonly auditUs: number
  readonly serverUs: number
}

/** A nats-server, an audit service, and what both have of journals that are made up. */
export class LogRun implements AsyncDisposable {
  readonly bus: TestBus
  readonly #recorder: NatsConnection
  readonly #dataDir: string
  readonly #resources: AsyncDisposableStack
  /** How far journals are under a checkpoint, and since when, by instance. */
  readonly #covered = new Map<string, Covered>()
  #audit: ServiceProcess | undefined

  private constructor(parts: {
    bus: TestBus
    recorder: NatsConnection
    dataDir: string
    resources: AsyncDisposableStack
  }) {
    this.bus = parts.bus
    this.#recorder = parts.recorder
    this.#dataDir = parts.dataDir
    this.#resources = parts.resources
  }

  static async start(): Promise<LogRun> {
    await using resources = new AsyncDisposableStack()
    const directory = resources.use(temporaryDirectory())
    const bus = resources.use(await startBus({ maxBytes: STREAM_BYTES_MAX }))
    const recorder = await bus.connect('authz-record')
    const listener = await bus.connect('authz-serve')
    const parts = { bus, recorder, dataDir: directory.path, resources: resources.move() }
    const run = new LogRun(parts)
    onCovered(listener, ({ instance, n }) => {
      if (run.coveredTo(instance) >= n) return
      const auditUs = cpuTimeUs(run.audit.pid)
      const serverUs = cpuTimeUs(bus.server.pid)
      run.#covered.set(instance, { n, atMs: performance.now(), auditUs, serverUs })
    })
    await listener.flush()
    return run
  }

  get audit(): ServiceProcess {
    if (this.#audit === undefined) throw new Error('the audit service is down')
    return this.#audit
  }

  async startAudit(): Promise<void> {
    const settings = { VERDICT_AUDIT_DATA_DIR: this.#dataDir, VERDICT_AUDIT_SCRUB_RATE: '0' }
    this.#audit = await ServiceProcess.start('audit', this.bus, settings)
  }

  async stopAudit(): Promise<void> {
    await this.#audit?.[Symbol.asyncDispose]()
    this.#audit = undefined
  }

  /** Puts so many records into the stream, so many in a message. */
  async fill(source: RecordSource, records: number, each: number): Promise<void> {
    let left = records
    const feed = async (): Promise<void> => {
      while (left > 0) {
        const count = Math.min(each, left)
        left -= count
        await this.store(source, count)
      }
    }
    // The order in the stream is that of the journal: only the waits for it overlap.
    await Promise.all(Array.from({ length: STORING }, feed))
  }

  /** Puts one message into the stream. */
  async store(source: RecordSource, count: number, timeOf?: (n: number) => number): Promise<void> {
    const { data, subject } = source.message(count, timeOf)
    await storeBatch(this.#recorder, subject, data, { timeoutMs: STORE_TIMEOUT_MS })
  }

  /** Up to which record a journal is under a checkpoint. */
  coveredTo(instance: string): number {
    return this.#covered.get(instance)?.n ?? 0
  }

  /** Waits until so many records of a journal are under a checkpoint; tells how many, and when. */
  async covered(instance: string, n: number): Promise<Covered> {
    return await waitFor(
      () => (this.coveredTo(instance) >= n ? this.#covered.get(instance) : undefined),
      {
        deadlineMs: COVERED_DEADLINE_MS,
        what: `${n} records of ${instance} under a checkpoint`,
      },
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAudit()
    await this.#resources.disposeAsync()
  }
}
