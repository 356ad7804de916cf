import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { settledWithin } from './bounded-wait.ts'
import { BusError, BusErrorCode } from './errors.ts'
import { publicKeys } from './keys.ts'
import { refusePortInUse, refuseStoreInUse, rememberServer, serverInfo } from './running-server.ts'
import { DEFAULT_STORE_BYTES_MAX, serverConfig } from './server-config.ts'
import { storeBytesOn } from './store-size.ts'
import { readSubscribers } from './subscriber-keys.ts'

/** A large store is read back before the server is ready. */
const READY_TIMEOUT_MS = 120_000
const READY_POLL_MS = 50
/** The server closes its store in order within this time, or is ended by force. */
const STOP_TIMEOUT_MS = 10_000
/** Lines of the server's log that an error about it quotes. */
const QUOTED_LINES = 5
const HOST = '127.0.0.1'

export interface NatsServerOptions {
  /** The nats-server to run. */
  readonly binary: string
  /** Holds its configuration and its store. */
  readonly dir: string
  readonly port: number
  /** Holds the key of each role, as `createKeys` makes them. */
  readonly keysDir: string
  /** What the streams may take; default: all of them, or 70 % of the disk where it is smaller. */
  readonly storeBytesMax?: number
  /** Is given each line of the server's log. */
  readonly onLog?: (line: string) => void
}

/** The configuration of the server whose folder it is. */
export function serverConfigFile(dir: string): string {
  return path.join(dir, 'nats-server.conf')
}

/** How a process ended. */
export interface ServerExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface EmbeddedServer {
  readonly pid: number
  readonly port: number
  readonly url: string
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<ServerExit>
  /** Ends the server in order, by force where it takes too long. */
  stop(): Promise<void>
}

/**
 * Runs a nats-server on this machine, and resolves when it takes connections.
 * @throws {BusError} `port_in_use`, `store_in_use`, `server_failed`, `bad_key`
 */
export async function startNatsServer(options: NatsServerOptions): Promise<EmbeddedServer> {
  const { binary, dir, port, keysDir } = options
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await refuseStoreInUse(dir)
  await refusePortInUse(HOST, port)
  const serverName = `verdict-${randomBytes(8).toString('hex')}`
  const config = serverConfigFile(dir)
  const text = serverConfig({
    host: HOST,
    port,
    serverName,
    storeDir: dir,
    storeBytesMax: options.storeBytesMax ?? storeBytesOn(dir, DEFAULT_STORE_BYTES_MAX),
    keys: await publicKeys(keysDir),
    subscribers: await readSubscribers(keysDir),
    syncAlways: true,
  })
  await writeFile(config, text, { mode: 0o600 })
  // A process group of its own: a Ctrl-C in the terminal is for us, and we stop the server last.
  const child = spawn(binary, ['-c', config], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const server = new ServerProcess(child, options)
  await rememberServer(dir, { host: HOST, port, serverName, pid: child.pid ?? 0 })
  try {
    await server.ready(serverName)
  } catch (error) {
    await server.stop()
    throw error
  }
  return server
}

class ServerProcess implements EmbeddedServer {
  readonly port: number
  readonly exited: Promise<ServerExit>
  readonly #child: ChildProcess
  readonly #binary: string
  readonly #lastLines: string[] = []
  #exit: ServerExit | undefined

  constructor(child: ChildProcess, { binary, port, onLog }: NatsServerOptions) {
    this.#child = child
    this.#binary = binary
    this.port = port
    this.exited = this.#ended()
    if (!child.stderr) return
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (this.#lastLines.push(line) > QUOTED_LINES) this.#lastLines.shift()
      onLog?.(line)
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get url(): string {
    return `nats://${HOST}:${this.port}`
  }

  /** Waits until this very server answers with JetStream on. */
  async ready(serverName: string): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS
    while (performance.now() < deadline) {
      if (this.#exit) throw this.#failed('ended before it was ready')
      const info = await serverInfo(HOST, this.port)
      if (info?.server_name === serverName && info.jetstream) return
      await delay(READY_POLL_MS)
    }
    throw this.#failed(`was not ready within ${READY_TIMEOUT_MS} ms`)
  }

  async stop(): Promise<void> {
    if (this.#exit) return
    this.#child.kill('SIGTERM')
    await settledWithin(this.exited, STOP_TIMEOUT_MS)
    if (!this.#exit) this.#child.kill('SIGKILL')
    await this.exited
  }

  async #ended(): Promise<ServerExit> {
    try {
      const [code, signal] = (await once(this.#child, 'exit')) as [number, NodeJS.Signals]
      this.#exit = { code, signal }
    } catch (error) {
      // It could not be started at all: a file that is missing, or not a program.
      this.#lastLines.push(error instanceof Error ? error.message : String(error))
      this.#exit = { code: null, signal: null }
    }
    return this.#exit
  }

  #failed(what: string): BusError {
    const lines = this.#lastLines.map((line) => `\n  ${line}`).join('')
    return new BusError(BusErrorCode.serverFailed, `\`${this.#binary}\` ${what}:${lines}`)
  }
}
