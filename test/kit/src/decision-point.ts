import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { CheckClient } from './check-client.ts'
import type { TestBus } from './nats.ts'
import { opaBinary, writeFiles } from './opa.ts'
import { freePort } from './ports.ts'
import { ServiceProcess } from './service-process.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export interface DecisionPointOptions {
  readonly bus: TestBus
  /** Rego and data by file name, or a folder of them. */
  readonly policies: Readonly<Record<string, string>> | string
  /** Default: `envoy/authz/allow`. */
  readonly entrypoint?: string
  readonly settings?: Readonly<Record<string, string>>
  /** Default: true. */
  readonly waitUntilReady?: boolean
}

interface Readiness {
  readonly status: string
  readonly checks: Readonly<Record<string, { ok: boolean; detail: string } | undefined>>
}

/** authz in a process of its own, without the rest of the cluster. */
export class DecisionPoint implements AsyncDisposable {
  readonly grpcPort: number
  /** Holds `policies` and `data`. */
  readonly directory: string
  readonly #options: DecisionPointOptions
  readonly #cleanUp: () => Promise<void>
  #process: ServiceProcess | undefined

  private constructor(options: DecisionPointOptions, grpcPort: number) {
    const scratch = temporaryDirectory()
    this.#options = options
    this.grpcPort = grpcPort
    this.directory = scratch.path
    this.#cleanUp = async () => await scratch[Symbol.asyncDispose]()
    const { policies } = options
    if (typeof policies === 'string') cpSync(policies, this.#policiesDir, { recursive: true })
    else writeFiles(this.#policiesDir, policies)
  }

  static async start(options: DecisionPointOptions): Promise<DecisionPoint> {
    const point = new DecisionPoint(options, await freePort())
    try {
      await point.up()
    } catch (error) {
      await point[Symbol.asyncDispose]()
      throw error
    }
    return point
  }

  get process(): ServiceProcess {
    if (this.#process === undefined) throw new Error('this decision point is down')
    return this.#process
  }

  /** As its first log line says. */
  get pid(): number {
    return Number(/"pid":(\d+)/.exec(this.process.output)?.[1])
  }

  /** A gRPC client; `using` closes it. */
  client(): CheckClient {
    return new CheckClient(this.grpcPort)
  }

  /** Replaces files of the policies. */
  write(files: Readonly<Record<string, string>>): void {
    writeFiles(this.#policiesDir, files)
  }

  async readiness(): Promise<Readiness> {
    return await this.process.get<Readiness>('/readyz')
  }

  /** One metric by its name and labels as `/metrics` writes them; 0 where it is not there. */
  async metric(name: string): Promise<number> {
    const lines = (await this.process.metrics()).split('\n')
    const line = lines.find((entry) => entry.startsWith(`${name} `))
    return Number(line?.slice(name.length) ?? 0)
  }

  /** Starts the process, also again on the same data, and with settings that differ. */
  async up(other: Readonly<Record<string, string>> = {}): Promise<void> {
    const { bus, entrypoint, settings, waitUntilReady = true } = this.#options
    const started = await ServiceProcess.spawn('authz', bus, {
      VERDICT_AUTHZ_GRPC_PORT: String(this.grpcPort),
      VERDICT_AUTHZ_POLICIES: this.#policiesDir,
      VERDICT_AUTHZ_DATA_DIR: join(this.directory, 'data'),
      VERDICT_AUTHZ_OPA: await opaBinary(),
      VERDICT_AUTHZ_PROCESSES: '1',
      ...(entrypoint === undefined ? {} : { VERDICT_AUTHZ_ENTRYPOINT: entrypoint }),
      ...settings,
      ...other,
    })
    this.#process = started
    if (waitUntilReady) await started.waitUntilReady()
  }

  /** Ends the process; resolves with its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    return await this.process.end(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]()
    await this.#cleanUp()
  }

  get #policiesDir(): string {
    return join(this.directory, 'policies')
  }
}

export async function startDecisionPoint(options: DecisionPointOptions): Promise<DecisionPoint> {
  return await DecisionPoint.start(options)
}
