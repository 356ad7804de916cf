import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { ServiceName } from '@verdict/contract'
import type { TestBus } from './nats.ts'
import { freePort } from './ports.ts'
import { waitFor } from './wait-for.ts'

const SERVICES_DIR = path.resolve(import.meta.dirname, '../../../services')
const READY_DEADLINE_MS = 30_000
const REQUEST_TIMEOUT_MS = 5_000

/** One service as a process of its own, on a bus of a test. */
export class ServiceProcess implements AsyncDisposable {
  readonly name: ServiceName
  readonly port: number
  readonly #child: ChildProcess
  #output = ''

  private constructor(name: ServiceName, child: ChildProcess, port: number) {
    this.name = name
    this.#child = child
    this.port = port
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
  }

  /** Starts without waiting for more than the process. */
  static async spawn(
    name: ServiceName,
    bus: TestBus,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<ServiceProcess> {
    const port = await freePort()
    const env = {
      PATH: process.env['PATH'],
      NODE_OPTIONS: process.env['SERVICE_NODE_OPTIONS'] ?? '',
      VERDICT_NATS_URL: bus.url,
      VERDICT_KEYS_DIR: bus.keysDir,
      [`VERDICT_${name.toUpperCase()}_HTTP_PORT`]: String(port),
      // There is nobody to ask who may read the log, where audit is not tested together with authz.
      ...(name === 'audit' && { VERDICT_AUDIT_AUTHORIZATION: 'off' }),
      ...settings,
    }
    const main = path.join(SERVICES_DIR, name, 'src/main.ts')
    // By the channel the service learns that a test was killed, and does not outlive it.
    const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    child.channel?.unref()
    return new ServiceProcess(name, child, port)
  }

  /** Starts, and waits until it is ready. */
  static async start(
    name: ServiceName,
    bus: TestBus,
    settings?: Readonly<Record<string, string>>,
  ): Promise<ServiceProcess> {
    const service = await ServiceProcess.spawn(name, bus, settings)
    try {
      await service.waitUntilReady()
      return service
    } catch (error) {
      await service[Symbol.asyncDispose]()
      throw error
    }
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN
  }

  /** All that it has logged. */
  get output(): string {
    return this.#output
  }

  url(pathname: string): string {
    return `http://127.0.0.1:${this.port}${pathname}`
  }

  /** The JSON body of a GET. */
  async get<Body>(pathname: string): Promise<Body> {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
    return (await (await fetch(this.url(pathname), { signal })).json()) as Body
  }

  async metrics(): Promise<string> {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
    return await (await fetch(this.url('/metrics'), { signal })).text()
  }

  /** Whether it says that it is ready; false while nobody answers. */
  async ready(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
      const response = await fetch(this.url('/readyz'), { signal })
      await response.arrayBuffer()
      return response.ok
    } catch {
      // The listener of a process that starts is not there yet.
      return false
    }
  }

  async waitUntilReady(): Promise<void> {
    const ready = async (): Promise<boolean> => {
      if (this.#child.exitCode !== null) throw new Error(`${this.name} has ended`)
      return await this.ready()
    }
    try {
      await waitFor(ready, { deadlineMs: READY_DEADLINE_MS, what: `${this.name} to be ready` })
    } catch (cause) {
      throw new Error(`${this.name} did not become ready:\n${this.#output}`, { cause })
    }
  }

  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Sends a signal and waits for the end; the exit code, or null after a kill. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    return await this.exited()
  }

  /** Waits for the end; the exit code, or null after a kill. */
  async exited(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await once(this.#child, 'exit', { signal: AbortSignal.timeout(READY_DEADLINE_MS) })
    }
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
  }
}
