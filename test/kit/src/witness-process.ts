import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { freePort } from './ports.ts'
import { waitFor } from './wait-for.ts'

const MAIN = path.resolve(import.meta.dirname, '../../../packages/cli/src/main.ts')
const READY_DEADLINE_MS = 30_000

export interface WitnessProcessOptions {
  readonly name: string
  readonly stateDir: string
  /** The keys of the logs that it witnesses. */
  readonly logs: readonly string[]
}

/** A witness as a process of its own, which cosigns by Ed25519. */
export class WitnessProcess implements AsyncDisposable {
  readonly name: string
  readonly port: number
  readonly #child: ChildProcess
  #output = ''

  private constructor(name: string, port: number, child: ChildProcess) {
    this.name = name
    this.port = port
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
  }

  static async start({ logs, name, stateDir }: WitnessProcessOptions): Promise<WitnessProcess> {
    const port = await freePort()
    const args = ['witness', '--state-dir', stateDir, '--name', name]
    args.push('--algorithm', 'ed25519', '--listen', `127.0.0.1:${port}`)
    for (const log of logs) args.push('--log', log)
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    const witness = new WitnessProcess(name, port, child)
    await waitFor(
      () => {
        if (child.exitCode !== null) throw new Error(`the witness ended: ${witness.output}`)
        return witness.output.includes('listening on')
      },
      { deadlineMs: READY_DEADLINE_MS, what: 'the witness' },
    )
    return witness
  }

  get output(): string {
    return this.#output
  }

  get vkey(): string {
    return /^key +(\S+)$/m.exec(this.#output)?.[1] ?? ''
  }

  /** Its line of a policy. */
  get policyLine(): string {
    return `witness ${this.name} ${this.vkey} http://127.0.0.1:${this.port}/`
  }

  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill(signal)
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
  }
}
