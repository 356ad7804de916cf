import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Environment } from '@verdict/toolchain'

/** Of what a program says; what is beyond is dropped. */
const OUTPUT_CHARS_MAX = 1024 * 1024

/** How a program ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What it said, of both kinds. */
  readonly output: string
  readonly timedOut: boolean
}

export interface RunToEndOptions {
  readonly env: Environment
  /** Then it is killed, with all that it has started. */
  readonly timeoutMs: number
  /** The same; the result is thrown away then. */
  readonly stop: AbortSignal
}

/** Runs a program to its end, whatever that is. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  { env, timeoutMs, stop }: RunToEndOptions,
): Promise<Ended> {
  stop.throwIfAborted()
  // A process group of its own, so that nothing of it is left.
  const child = spawn(command, args, {
    env: { ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(0, OUTPUT_CHARS_MAX)
    })
  }
  const over = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)])
  const end = (): void => {
    if (child.pid !== undefined) killGroup(child.pid)
  }
  over.addEventListener('abort', end)
  try {
    const [code, signal] = await once(child, 'close')
    stop.throwIfAborted()
    return { code, signal, output, timedOut: over.aborted }
  } finally {
    over.removeEventListener('abort', end)
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended in between.
  }
}
