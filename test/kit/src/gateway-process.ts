import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import type { TemporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

const START_DEADLINE_MS = 20_000
const STOP_DEADLINE_MS = 10_000
/** Of what a gateway prints, this much of its end is kept for a failed start. */
const OUTPUT_CHARS_MAX = 4_000

export interface GatewayCommand {
  /** For messages. */
  readonly name: string
  readonly binary: string
  readonly args: readonly string[]
  /** Where it works, and what goes when it ends. */
  readonly scratch: TemporaryDirectory
  readonly port: number
  /** It speaks no HTTP: that it takes connections is all that can be seen. */
  readonly isTcp?: boolean
}

/** A gateway that runs and takes requests. */
export class GatewayProcess implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess
  readonly #command: GatewayCommand
  #output = ''

  static async start(command: GatewayCommand): Promise<GatewayProcess> {
    const { name, isTcp = false } = command
    const gateway = new GatewayProcess(command)
    try {
      await waitFor(() => (isTcp ? gateway.#listens() : gateway.#answers()), {
        deadlineMs: START_DEADLINE_MS,
        what: `${name} to listen`,
      })
    } catch (cause) {
      await gateway[Symbol.asyncDispose]()
      throw new Error(`${name} did not start:\n${gateway.#output}`, { cause })
    }
    return gateway
  }

  private constructor(command: GatewayCommand) {
    const { binary, args, port, scratch } = command
    this.#command = command
    this.url = `http://127.0.0.1:${port}`
    this.#child = spawn(binary, args, {
      cwd: scratch.path,
      env: { ...process.env, HOME: scratch.path, XDG_DATA_HOME: scratch.path },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARS_MAX)
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    const what = `${this.#command.name} to stop`
    await waitFor(() => this.#ended, { deadlineMs: STOP_DEADLINE_MS, what })
    await this.#command.scratch[Symbol.asyncDispose]()
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async #listens(): Promise<boolean> {
    if (this.#ended) throw new Error('it ended')
    return await new Promise((resolve) => {
      const socket = connect(this.#command.port, '127.0.0.1')
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
  }

  async #answers(): Promise<boolean> {
    if (this.#ended) throw new Error('it ended')
    try {
      await (await fetch(this.url, { signal: AbortSignal.timeout(2_000) })).arrayBuffer()
      return true
    } catch {
      // Not listening yet.
      return false
    }
  }
}
