import { runCommandLine } from './command-line.ts'
import { listenForStop } from './stop-signals.ts'
import { Terminal } from './terminal.ts'

/** The program `verdict`: resolves with its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { env, stdin, stdout, stderr } = process
  const { stop, force, request, release } = listenForStop(process)
  // The reader of a pipe went away, or the terminal did: nobody is left to tell anything.
  for (const output of [stdout, stderr]) output.on('error', request)
  const terminal = new Terminal({ out: stdout, err: stderr, env })
  try {
    return await runCommandLine(args, { terminal, env, stdin, stop, force })
  } finally {
    release()
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
