import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { type Environment, REPOSITORY_ROOT } from '@verdict/toolchain'
import { CliError, CliErrorCode } from '../errors.ts'
import { comesTrue, until } from './waiting.ts'

const PROBE_TIMEOUT_MS = 2_000
const READY_DEADLINE_MS = 60_000
/** After SIGKILL a process is gone at once, unless the disk holds it. */
const KILL_DEADLINE_MS = 30_000
/** A service that ends by itself so often will not become ready. */
const LIVES_MAX = 3
const LAST_WORDS_CHARS = 600
const NEVER = new AbortController().signal

export interface TorturedProgram {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Environment
  /** All that it says. */
  readonly logFile: string
  /** Where `/readyz` is; a program without is ready when it runs. */
  readonly url?: string
}

/** A process of ours that is killed, paused and started again. */
export class TorturedProcess {
  readonly program: TorturedProgram
  #child: ChildProcess | undefined

  constructor(program: TorturedProgram) {
    this.program = program
  }

  get name(): string {
    return this.program.name
  }

  get running(): boolean {
    return this.#child !== undefined && !hasEnded(this.#child)
  }

  /** How it ended last; undefined while it runs, and after a signal. */
  get exitCode(): number | undefined {
    return this.#child?.exitCode ?? undefined
  }

  /**
   * Starts it, unless it runs.
   * @param before a program that starts it, such as strace, and its arguments
   */
  async start(before: readonly string[] = []): Promise<void> {
    if (this.running) return
    const { env, logFile, url } = this.program
    const [command = '', ...args] = [...before, this.program.command, ...this.program.args]
    const log = await open(logFile, 'a', 0o600)
    try {
      // A process group of its own: a Ctrl-C reaches us alone, and a signal whatever it started.
      // By the channel a service learns that we are gone.
      const channel: 'ipc'[] = url === undefined ? [] : ['ipc']
      const child = spawn(command, args, {
        cwd: REPOSITORY_ROOT,
        env: { ...env },
        detached: true,
        stdio: ['ignore', log.fd, log.fd, ...channel],
      })
      this.#child = child
      // A message that meets a killed process is nobody's fault.
      child.on('error', () => undefined)
      await once(child, 'spawn')
      child.channel?.unref()
    } finally {
      await log.close()
    }
  }

  /** Ends it as the kernel does, at any instruction. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL')
    const gone = { deadlineMs: KILL_DEADLINE_MS, what: `${this.name} to be gone`, stop: NEVER }
    await until(() => !this.running, gone)
  }

  /** It runs no further until `resume`. */
  pause(): void {
    this.#signal('SIGSTOP')
  }

  resume(): void {
    this.#signal('SIGCONT')
  }

  /** Whether it says that it is ready; false while nobody answers. */
  async ready(): Promise<boolean> {
    const { url } = this.program
    if (url === undefined || !this.running) return this.running
    try {
      const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
      const answer = await fetch(`${url}/readyz`, { signal })
      await answer.arrayBuffer()
      return answer.ok
    } catch {
      // The listener of a process that starts is not there yet.
      return false
    }
  }

  /** Waits until it is ready; one that ends by itself is started again, as any service is. */
  async whenReady(stop: AbortSignal): Promise<void> {
    let lives = 1
    const ready = async (): Promise<boolean> => {
      if (this.running) return await this.ready()
      if (lives++ === LIVES_MAX) {
        const message = `${this.name} ended ${LIVES_MAX} times: ${await this.#lastWords()}`
        throw new CliError(CliErrorCode.tortureFailed, message)
      }
      await this.start()
      return false
    }
    const what = `${this.name} to be ready`
    await until(ready, { deadlineMs: READY_DEADLINE_MS, what, stop })
  }

  /** Whether it ends by itself before the deadline. */
  async ends(deadlineMs: number, stop: AbortSignal): Promise<boolean> {
    return await comesTrue(() => !this.running, { deadlineMs, stop })
  }

  /** All that it said, in all its lives. */
  async said(): Promise<string> {
    return await readFile(this.program.logFile, 'utf8')
  }

  async #lastWords(): Promise<string> {
    return (await this.said()).trim().slice(-LAST_WORDS_CHARS)
  }

  #signal(name: NodeJS.Signals): void {
    const pid = this.running ? this.#child?.pid : undefined
    if (pid === undefined) return
    try {
      process.kill(-pid, name)
    } catch {
      // It ended in between.
    }
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
