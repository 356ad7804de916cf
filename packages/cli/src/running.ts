import path from 'node:path'
import { PORTS } from '@verdict/contract'
import { type RunFile, readRunFile } from './dev/run-file.ts'

/** The cluster that `verdict dev` runs with this data folder; undefined where it does not run. */
export async function runningCluster(dataDir: string): Promise<RunFile | undefined> {
  const run = await readRunFile(path.resolve(dataDir))
  return run !== undefined && isAlive(run.pid) ? run : undefined
}

export interface Addresses {
  readonly natsUrl: string
  readonly auditUrl: string
}

/** Where a cluster is: the running one, or at the default ports. */
export async function addressesOf(dataDir: string): Promise<Addresses> {
  return (
    (await runningCluster(dataDir)) ?? {
      natsUrl: `nats://127.0.0.1:${PORTS.nats.default}`,
      auditUrl: `http://127.0.0.1:${PORTS.auditHttp.default}`,
    }
  )
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
