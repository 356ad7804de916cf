import { PassThrough, Readable, Writable } from 'node:stream'
import type { CommandContext } from '../src/command.ts'
import { runCommandLine } from '../src/command-line.ts'
import { Terminal } from '../src/terminal.ts'

export interface Captured {
  readonly context: CommandContext
  readonly terminal: Terminal
  out(): string
  err(): string
  /** As Ctrl-C does, and a second one. */
  readonly stop: AbortController
  readonly force: AbortController
}

export interface CaptureOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly stdin?: string
  /** The output claims to be a terminal. */
  readonly tty?: boolean
}

/** What a command prints, instead of on a terminal. */
export function capture({ env = {}, stdin = '', tty = false }: CaptureOptions = {}): Captured {
  const [out, err] = [collector(tty), collector(false)]
  const terminal = new Terminal({ out: out.stream, err: err.stream, env })
  const [stop, force] = [new AbortController(), new AbortController()]
  return {
    terminal,
    stop,
    force,
    out: out.text,
    err: err.text,
    context: {
      terminal,
      env,
      stdin: stdin === '' ? new PassThrough().end() : Readable.from([stdin]),
      stop: stop.signal,
      force: force.signal,
    },
  }
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command line to its end. */
export async function verdict(args: readonly string[], options?: CaptureOptions): Promise<Ran> {
  const captured = capture(options)
  const code = await runCommandLine(args, captured.context)
  return { code, out: captured.out(), err: captured.err() }
}

function collector(tty: boolean): {
  stream: Writable & { isTTY: boolean; columns: number }
  text: () => string
} {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  return { stream: Object.assign(stream, { isTTY: tty, columns: 200 }), text: () => text }
}
