import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { connectBus, seedFile } from '@verdict/bus'
import {
  PORTS,
  type PortName,
  portOf,
  type Role,
  SERVICES,
  type ServiceName,
} from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { freePorts } from './ports.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

const REPOSITORY = resolve(import.meta.dirname, '../../..')
const START_DEADLINE_MS = 60_000
const STOP_DEADLINE_MS = 45_000

/** A process of the cluster, by the name that `verdict dev` gives it. */
export type ProcessName = ServiceName | 'nats-server' | 'envoy'

export interface ClusterOptions {
  /** With the demo's Envoy and upstream; default false. */
  readonly demo?: boolean
  readonly policies?: string
  readonly entrypoint?: string
  readonly issuers?: string
  /** Added to the environment of `verdict dev`. */
  readonly env?: Readonly<Record<string, string>>
  /** A data directory to start on again; a new one by default. */
  readonly dataDir?: string
}

/** `verdict dev` in a process of its own, as a user runs it. */
export class Cluster implements AsyncDisposable {
  readonly dataDir: string
  readonly portBase: number
  readonly #child: ChildProcess
  readonly #cleanUp: () => Promise<void>
  #output = ''

  private constructor(
    child: ChildProcess,
    place: { dataDir: string; portBase: number; cleanUp: () => Promise<void> },
  ) {
    this.#child = child
    this.dataDir = place.dataDir
    this.portBase = place.portBase
    this.#cleanUp = place.cleanUp
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
  }

  /** Starts a cluster on free ports, and waits until all services are ready. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const scratch = temporaryDirectory()
    const portBase = await freePorts(Object.keys(PORTS).length)
    const dataDir = options.dataDir ?? join(scratch.path, 'verdict')
    const args = ['packages/cli/src/main.ts', 'dev', '--port-base', String(portBase)]
    args.push('--data-dir', dataDir)
    if (!options.demo) args.push('--no-demo')
    if (options.policies) args.push('--policies', options.policies)
    if (options.entrypoint) args.push('--entrypoint', options.entrypoint)
    if (options.issuers) args.push('--issuers', options.issuers)
    const child = spawn(process.execPath, args, {
      cwd: REPOSITORY,
      env: { ...process.env, ...options.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const cleanUp = async () => await scratch[Symbol.asyncDispose]()
    const cluster = new Cluster(child, { dataDir, portBase, cleanUp })
    try {
      await waitFor(() => cluster.#started(), {
        deadlineMs: START_DEADLINE_MS,
        what: 'verdict dev to be ready',
      })
    } catch (cause) {
      await cluster[Symbol.asyncDispose]()
      throw new Error(`verdict dev did not start:\n${cluster.output}`, { cause })
    }
    return cluster
  }

  /** All that `verdict dev` has printed. */
  get output(): string {
    return this.#output
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  port(name: PortName): number {
    return portOf(name, this.portBase)
  }

  url(name: PortName): string {
    return `http://127.0.0.1:${this.port(name)}`
  }

  get keysDir(): string {
    return join(this.dataDir, 'keys')
  }

  /** A connection to its bus with the key of a role; whoever asked closes it. */
  async connect(role: Role): Promise<NatsConnection> {
    return await connectBus({
      url: `nats://127.0.0.1:${this.port('nats')}`,
      role,
      seedFile: seedFile(this.keysDir, role),
      name: `test ${role}`,
    })
  }

  /** The pid of a process that runs now. */
  pid(name: ProcessName): number {
    const found = this.findPid(name)
    if (found === undefined) throw new Error(`no process ${name} in run.json`)
    return found
  }

  /** The same, or undefined while the process is down. */
  findPid(name: ProcessName): number | undefined {
    const run = JSON.parse(readFileSync(join(this.dataDir, 'run.json'), 'utf8')) as {
      processes: { name: string; pid: number }[]
    }
    return run.processes.find((entry) => entry.name === name)?.pid
  }

  /** True when every service says that it is ready. */
  async ready(): Promise<boolean> {
    const answers = await Promise.all(
      SERVICES.map(async (service) => await isReady(this.url(`${service}Http`))),
    )
    return answers.every(Boolean)
  }

  async waitUntilReady(): Promise<void> {
    await waitFor(() => this.ready(), {
      deadlineMs: START_DEADLINE_MS,
      what: 'all services to be ready',
    })
  }

  /** Sends SIGINT, as Ctrl-C does, and returns the exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGINT')
      await waitFor(() => this.#child.exitCode !== null || this.#child.signalCode !== null, {
        deadlineMs: STOP_DEADLINE_MS,
        what: 'verdict dev to stop',
      })
    }
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop()
    } finally {
      if (this.#child.exitCode === null) this.#child.kill('SIGKILL')
      await this.#cleanUp()
    }
  }

  async #started(): Promise<boolean> {
    if (this.#child.exitCode !== null) throw new Error(`it ended with ${this.#child.exitCode}`)
    return /paste|ready/i.test(this.#output) && (await this.ready())
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    // A listener that is not there yet is the normal answer of a process that starts.
    return false
  }
}
