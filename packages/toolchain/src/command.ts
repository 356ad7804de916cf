import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Environment } from './config.ts'

/** Of what a program prints, this many of its last lines are kept. */
const OUTPUT_LINES_MAX = 200

export interface CommandOptions {
  readonly env: Environment
  /** A program that runs longer is killed and counts as failed. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  readonly onLine?: (line: string) => void
}

/** How a program ended: `missing` is set where there is no such program. */
export interface CommandResult {
  readonly ok: boolean
  readonly missing: boolean
  /** The last lines of both outputs. */
  readonly output: string
}

/** Runs a program to its end. It never rejects: a program that cannot run has failed. */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const lines: string[] = []
  const keep = (line: string): void => {
    lines.push(line)
    if (lines.length > OUTPUT_LINES_MAX) lines.shift()
    options.onLine?.(line)
  }
  const signals = [
    AbortSignal.timeout(options.timeoutMs),
    ...(options.signal ? [options.signal] : []),
  ]
  const child = spawn(file, args, {
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any(signals),
    killSignal: 'SIGKILL',
  })
  createInterface({ input: child.stdout }).on('line', keep)
  createInterface({ input: child.stderr }).on('line', keep)
  return await new Promise((resolve) => {
    let problem: NodeJS.ErrnoException | undefined
    child.once('error', (error: NodeJS.ErrnoException) => {
      problem = error
      // Without a process there is no `close`.
      if (child.pid === undefined) resolve(failed(lines, error))
    })
    child.once('close', (code) => {
      if (problem !== undefined) resolve(failed(lines, problem))
      else resolve({ ok: code === 0, missing: false, output: lines.join('\n') })
    })
  })
}

function failed(lines: readonly string[], error: NodeJS.ErrnoException): CommandResult {
  const missing = error.code === 'ENOENT' || error.code === 'EACCES'
  return { ok: false, missing, output: [...lines, error.message].join('\n') }
}
