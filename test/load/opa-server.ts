import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort, opaBinary, temporaryDirectory, waitFor, writeFiles } from '@verdict/kit'
import type { PolicyFiles } from './policies.ts'

const READY_DEADLINE_MS = 60_000

export interface OpaServer extends AsyncDisposable {
  readonly pid: number
  readonly port: number
}

/** `opa run --server` with its decision logs on; what it logs is thrown away. */
export async function startOpaServer(files: PolicyFiles): Promise<OpaServer> {
  const directory = temporaryDirectory()
  writeFiles(directory.path, files)
  const port = await freePort()
  const args = ['--addr', `127.0.0.1:${port}`, '--set', 'decision_logs.console=true']
  const child = spawn(
    await opaBinary(),
    ['run', '--server', '--disable-telemetry', ...args, directory.path],
    { stdio: 'ignore' },
  )
  const server = {
    pid: child.pid ?? 0,
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      await directory[Symbol.asyncDispose]()
    },
  }
  try {
    await waitFor(async () => await isHealthy(port), {
      deadlineMs: READY_DEADLINE_MS,
      what: '`opa run --server` to be ready',
    })
    return server
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health`)).ok
  } catch {
    return false
  }
}
