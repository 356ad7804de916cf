import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import path from 'node:path'
import { type EmbeddedServer, startNatsServer } from '@verdict/bus'
import type { ServiceName } from '@verdict/contract'
import { type Environment, REPOSITORY_ROOT } from '@verdict/toolchain'
import type { ProcessOutput } from './process-output.ts'
import type { Exit, Launched, Program } from './supervisor.ts'

const PROBE_TIMEOUT_MS = 1_000
/** A service has 10 s of its own to drain (VERDICT_STOP_TIMEOUT), and some to end. */
const SERVICE_STOP_TIMEOUT_MS = 15_000
/** nats-server closes its files; its own `stop` ends it by force after 10 s. */
const NATS_STOP_TIMEOUT_MS = 15_000
const ENVOY_STOP_TIMEOUT_MS = 5_000

export interface ServiceProgramOptions {
  readonly name: ServiceName
  readonly env: Environment
  /** Where its readiness is: `http://host:port`. */
  readonly url: string
  readonly output: ProcessOutput
}

/** The file that a service is started with. */
export function serviceMain(name: ServiceName): string {
  return path.join(REPOSITORY_ROOT, 'services', name, 'src', 'main.ts')
}

export function serviceProgram({ name, env, url, output }: ServiceProgramOptions): Program {
  return {
    name,
    stopTimeoutMs: SERVICE_STOP_TIMEOUT_MS,
    lastWords: () => output.lastWords(),
    probe: async () => (await get(`${url}/readyz`)) === 200,
    launch: async () => {
      // Out of the terminal's process group, so that a Ctrl-C reaches `verdict dev` alone; the
      // channel is how the service notices when `verdict dev` is gone.
      const child = spawn(process.execPath, [serviceMain(name)], {
        cwd: REPOSITORY_ROOT,
        env: { ...env },
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      })
      return await launched(child, output)
    },
  }
}

export interface NatsProgramOptions {
  readonly binary: string
  readonly dir: string
  readonly port: number
  readonly keysDir: string
  readonly output: ProcessOutput
}

export function natsProgram({ output, ...options }: NatsProgramOptions): Program {
  return {
    name: 'nats-server',
    stopTimeoutMs: NATS_STOP_TIMEOUT_MS,
    lastWords: () => output.lastWords(),
    // It is launched once it is ready.
    probe: async () => true,
    launch: async () => {
      const server = await startNatsServer({
        ...options,
        onLog: (line) => void output.take(line),
      })
      return { pid: server.pid, exited: server.exited, signal: (name) => end(server, name) }
    },
  }
}

export interface EnvoyProgramOptions {
  readonly binary: string
  readonly configFile: string
  /** Envoy is ready once it listens there; a request would be a decision, and on the record. */
  readonly port: number
  readonly output: ProcessOutput
}

export function envoyProgram({ binary, configFile, port, output }: EnvoyProgramOptions): Program {
  return {
    name: 'envoy',
    stopTimeoutMs: ENVOY_STOP_TIMEOUT_MS,
    lastWords: () => output.lastWords(),
    probe: () => listens(port),
    launch: async () => {
      const args = ['-c', configFile, '--disable-hot-restart', '--log-level', 'warning']
      const child = spawn(binary, [...args, '--concurrency', '1'], {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      return await launched(child, output)
    },
  }
}

async function launched(child: ChildProcess, output: ProcessOutput): Promise<Launched> {
  const exited = Promise.withResolvers<Exit>()
  child.once('exit', (code, signal) => exited.resolve({ code, signal }))
  // Rejects where the program can't be run at all.
  await once(child, 'spawn')
  for (const stream of [child.stdout, child.stderr]) if (stream) void output.follow(stream)
  return {
    pid: child.pid ?? 0,
    exited: exited.promise,
    signal: (name) => void child.kill(name),
  }
}

function end(server: EmbeddedServer, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (signal === 'SIGTERM') void server.stop()
  else kill(server.pid)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended in between.
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1', signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) })
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}

/** The status of an answer; undefined where there is none. */
async function get(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) })
    await response.body?.cancel()
    return response.status
  } catch {
    return undefined
  }
}
