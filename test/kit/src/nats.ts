import path from 'node:path'
import {
  awaitSubscriber,
  connectBus,
  createKeys,
  createSubscriber,
  declareEventConsumer,
  type EmbeddedServer,
  provision,
  type ReloadOptions,
  reloadAccounts,
  type StreamCapacity,
  seedFile,
  startNatsServer,
  subscriberSeedFile,
} from '@verdict/bus'
import type { Role } from '@verdict/contract'
import { locate } from '@verdict/toolchain'
import type { NatsConnection } from 'nats'
import { startNatsContainer } from './nats-container.ts'
import { freePort } from './ports.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Enough for every test, and little enough for any disk. */
const STREAM_BYTES_MAX = 64 * 1024 * 1024
const CONNECT_TIMEOUT_MS = 15_000

export interface TestBusOptions {
  /** Declare the stream and its consumers; default true. */
  readonly provisioned?: boolean
  /** The stream takes no batch beyond this; default 64 MiB. */
  readonly maxBytes?: number
  /** What DECIDED keeps; default: as it is declared. */
  readonly decidedBytes?: number
  /** The same of the stores of bundles, pointers and data; default: as they are declared. */
  readonly policyBytes?: StreamCapacity['policyBytes']
}

/** A nats-server of its own with fresh keys, in a temporary folder. */
export class TestBus implements AsyncDisposable {
  readonly port: number
  readonly directory: string
  /** The nats-server that runs. */
  readonly binary: string
  /** What the server refused to connections of this bus, as `role: message`. */
  readonly refusals: string[] = []
  readonly #connections = new Set<NatsConnection>()
  readonly #cleanUp: () => Promise<void>
  #server: EmbeddedServer | undefined

  private constructor(place: {
    binary: string
    port: number
    directory: string
    cleanUp: () => Promise<void>
  }) {
    this.binary = place.binary
    this.port = place.port
    this.directory = place.directory
    this.#cleanUp = place.cleanUp
  }

  static async start(options: TestBusOptions = {}): Promise<TestBus> {
    const scratch = temporaryDirectory()
    const binary = await natsServerBinary()
    const cleanUp = async () => await scratch[Symbol.asyncDispose]()
    const port = await freePort()
    const bus = new TestBus({ binary, port, directory: scratch.path, cleanUp })
    try {
      await createKeys(bus.keysDir)
      await bus.up()
      if (options.provisioned ?? true) await bus.provision(options)
    } catch (error) {
      await bus[Symbol.asyncDispose]()
      throw error
    }
    return bus
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  get keysDir(): string {
    return path.join(this.directory, 'keys')
  }

  get server(): EmbeddedServer {
    if (this.#server === undefined) throw new Error('the server of this bus is down')
    return this.#server
  }

  /** A connection with the key of a role; it is closed with the bus. */
  async connect(role: Role): Promise<NatsConnection> {
    const connection = await connectBus({
      url: this.url,
      role,
      seedFile: seedFile(this.keysDir, role),
      name: `test ${role}`,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      onError: (error) => this.refusals.push(`${role}: ${error.message}`),
    })
    this.#connections.add(connection)
    return connection
  }

  /**
   * Adds a subscriber with a key of its own while the server runs, which reads what DECIDED holds.
   * @returns the file that holds its seed
   */
  async addSubscriber(name: string, filters: readonly string[] = []): Promise<string> {
    const subscriber = await createSubscriber(this.keysDir, { name, filters })
    const provisioner = await this.connect('provisioner')
    await declareEventConsumer(provisioner, subscriber, { fromStart: true })
    await provisioner.close()
    await this.reload()
    await awaitSubscriber(name, { url: this.url, ...this.#reloading })
    return subscriberSeedFile(this.keysDir, name)
  }

  /** Has the server take on the keys that there are now. */
  async reload(): Promise<void> {
    await reloadAccounts(this.#reloading)
  }

  get #reloading(): ReloadOptions {
    const hangUp = () => void process.kill(this.server.pid, 'SIGHUP')
    return { serverDir: path.join(this.directory, 'nats'), keysDir: this.keysDir, hangUp }
  }

  async provision(options: TestBusOptions = {}): Promise<void> {
    const { maxBytes = STREAM_BYTES_MAX, policyBytes = {}, decidedBytes } = options
    const decided = decidedBytes === undefined ? {} : { decidedBytes }
    const connection = await this.connect('provisioner')
    await provision(connection, { replicas: 1, maxBytes, policyBytes, ...decided })
    await connection.close()
  }

  /** Starts the server again, on the same port and store. */
  async up(): Promise<void> {
    const start = inContainer() ? startNatsContainer : startNatsServer
    this.#server = await start({
      binary: this.binary,
      dir: path.join(this.directory, 'nats'),
      port: this.port,
      keysDir: this.keysDir,
    })
  }

  /** Ends the server as a power cut does, and leaves it down. */
  async kill(): Promise<void> {
    const server = this.server
    this.#server = undefined
    process.kill(server.pid, 'SIGKILL')
    await server.exited
  }

  /** Ends the server in order, and starts it again. */
  async restart(): Promise<void> {
    const server = this.server
    this.#server = undefined
    await server.stop()
    await this.up()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await Promise.allSettled([...this.#connections].map((connection) => connection.close()))
      await this.#server?.stop()
    } finally {
      await this.#cleanUp()
    }
  }
}

/** Whether this run of the tests is the one against NATS in containers. */
export function inContainer(): boolean {
  return process.env['TEST_NATS'] === 'container'
}

/** The nats-server that tests run. */
export async function natsServerBinary(): Promise<string> {
  const binary = await locate('nats-server')
  if (binary === undefined) throw new Error('no nats-server: run npm test, which brings one')
  return binary
}

/** A real nats-server with fresh keys, the stream and its consumers declared. */
export async function startBus(options?: TestBusOptions): Promise<TestBus> {
  return await TestBus.start(options)
}
