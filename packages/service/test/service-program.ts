import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { finished } from 'node:stream/promises'
import { freePort, waitFor } from '@verdict/kit'
import type { Environment } from '@verdict/service'

export const DEADLINE_MS = 20_000

/** A service of this folder in a process of its own. */
export interface Started {
  readonly child: ChildProcess
  readonly base: string
  readonly out: () => string
  readonly err: () => string
  /** The log lines with this event. */
  readonly events: (event: string) => Record<string, unknown>[]
  readonly exit: Promise<number | null>
}

const started: ChildProcess[] = []

/** Ends what was started, for `afterEach`. */
export function killAll(): void {
  for (const child of started.splice(0)) child.kill('SIGKILL')
}

/** Starts a file of this folder. */
export async function start(
  file: string,
  env: Environment = {},
  { args = [], ipc = false }: { args?: readonly string[]; ipc?: boolean } = {},
): Promise<Started> {
  const port = env['VERDICT_AUTHN_HTTP_PORT'] ?? String(await freePort())
  const child = spawn(process.execPath, [resolve(import.meta.dirname, file), ...args], {
    env: { PATH: process.env['PATH'], VERDICT_AUTHN_HTTP_PORT: port, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? ['ipc' as const] : [])],
  })
  started.push(child)
  const [out, err] = [collect(child.stdout), collect(child.stderr)]
  const events = (event: string) =>
    out()
      .split('\n')
      .filter((line) => line.includes(`"event":"${event}"`))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  // Not `close`, which does not come after a `disconnect` of ours.
  const exit = Promise.all([once(child, 'exit'), ...pipesOf(child)]).then(
    ([[code]]) => code as number | null,
  )
  return { child, base: `http://127.0.0.1:${port}`, out, err, events, exit }
}

/** The ends of its output: `exit` may come before the last line. */
function pipesOf({ stdout, stderr }: ChildProcess): Promise<void>[] {
  return [stdout, stderr].map((stream) => (stream ? finished(stream) : Promise.resolve()))
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.on('data', (chunk) => {
    text += String(chunk)
  })
  return () => text
}

/** The same, and waits until it works. */
export async function running(...given: Parameters<typeof start>): Promise<Started> {
  const service = await start(...given)
  await seen(service, 'service_started')
  return service
}

/** Waits for a log line with this event. */
export async function seen(service: Started, event: string): Promise<void> {
  const what = `the event ${event}, in ${service.out()} ${service.err()}`
  await waitFor(() => service.events(event).length > 0, { deadlineMs: DEADLINE_MS, what })
}
