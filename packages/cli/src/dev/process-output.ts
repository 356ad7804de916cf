import type { Readable } from 'node:stream'
import { shownPath } from '../shown-path.ts'
import type { Terminal } from '../terminal.ts'
import type { LogFile } from './log-file.ts'
import { isShown, isWarning, type LogFormat, type LogLine, renderLogLine } from './log-line.ts'
import { outputLines } from './output-lines.ts'

/** The last lines of a process are kept, for when it does not become ready. */
const LAST_LINES_MAX = 20
/** Of a process that warns more often than this, the rest of the interval is not shown. */
const SHOWN_MAX = 20
const SHOWN_INTERVAL_MS = 10_000

export interface ProcessOutputOptions {
  readonly name: string
  readonly log: LogFile
  readonly format: LogFormat
  readonly terminal: Terminal
  /** Shows every line, not only what needs attention. */
  readonly verbose: boolean
}

/** Where the output of a process goes: all of it to its log, what matters to the terminal. */
export class ProcessOutput {
  readonly #options: ProcessOutputOptions
  readonly #last: string[] = []
  #shown = 0
  #intervalEndsAt = 0
  #writing: Promise<void> = Promise.resolve()
  /** Warnings from before `announce`; those beyond SHOWN_MAX are only in the log. */
  readonly #held: LogLine[] = []
  #phase: 'holding' | 'showing' | 'silent' = 'holding'

  constructor(options: ProcessOutputOptions) {
    this.#options = options
  }

  get file(): string {
    return this.#options.log.file
  }

  /** Reads an output to its end. */
  async follow(output: Readable): Promise<void> {
    for await (const line of outputLines(output)) await this.take(line)
  }

  /** Takes one line; resolves when there is room for the next. */
  async take(line: string): Promise<void> {
    if (line.trim() === '') return
    this.#last.push(line)
    if (this.#last.length > LAST_LINES_MAX) this.#last.shift()
    this.#show(line)
    // Two outputs of one process share the log, which takes one line at a time.
    this.#writing = this.#writing.then(() => this.#options.log.write(line))
    await this.#writing
  }

  /** The cluster is up: what needed attention meanwhile is shown, and what will from now on. */
  announce(): void {
    this.#phase = 'showing'
    for (const line of this.#held.splice(0)) this.#print(line)
  }

  /** The cluster stops, and its parts miss one another: only `verbose` shows that. */
  silence(): void {
    this.#phase = 'silent'
  }

  lastWords(): string {
    return this.#last.map((line) => `  ${this.#options.format(line).message}`).join('\n')
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#options.log.close()
  }

  #show(line: string): void {
    const parsed = this.#options.format(line)
    if (this.#options.verbose) {
      this.#print(parsed)
    } else if (this.#phase === 'showing' && isShown(parsed)) {
      this.#printWithin(parsed)
    } else if (this.#phase === 'holding' && isWarning(parsed) && this.#held.length < SHOWN_MAX) {
      this.#held.push(parsed)
    }
  }

  /** Prints as much as people can read. */
  #printWithin(line: LogLine): void {
    const now = performance.now()
    if (now >= this.#intervalEndsAt) {
      this.#intervalEndsAt = now + SHOWN_INTERVAL_MS
      this.#shown = 0
    }
    this.#shown += 1
    if (this.#shown <= SHOWN_MAX) this.#print(line)
    if (this.#shown !== SHOWN_MAX) return
    this.#print({
      level: 'warn',
      message: `more of this is in ${shownPath(this.#options.log.file)}`,
    })
  }

  #print(line: LogLine): void {
    const { name, terminal } = this.#options
    terminal.line(renderLogLine(name, line, terminal))
  }
}
