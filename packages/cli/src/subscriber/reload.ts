import path from 'node:path'
import { awaitSubscriber, type ReloadOptions, reloadAccounts } from '@verdict/bus'
import { folders } from '../dev/settings.ts'
import type { BusValues } from '../policy/bus.ts'
import { runningCluster } from '../running.ts'
import type { Terminal } from '../terminal.ts'

/** Where the keys are that a server's configuration is made from. */
export function keysDirOf(values: BusValues): string {
  return path.resolve(values.nkeys ?? folders(values['data-dir']).keys)
}

/**
 * Has the nats-server of `verdict dev` take on the keys that there are now. Servers of one's own are
 * not reached from here: what to do about them is told.
 * @param added a subscriber that must be able to read afterwards
 */
export async function reloadServer(
  values: BusValues,
  { terminal, added }: { readonly terminal: Terminal; readonly added?: string },
): Promise<void> {
  const dataDir = path.resolve(values['data-dir'])
  const keysDir = keysDirOf(values)
  const run = await runningCluster(dataDir)
  const pid = run?.processes.find(({ name }) => name === 'nats-server')?.pid
  if (!run || pid === undefined || keysDir !== path.resolve(folders(dataDir).keys)) {
    terminal.line(
      `write the servers' configuration with \`verdict keys ${keysDir}\`, then have each`,
    )
    terminal.line('server reload it twice (`nats-server --signal reload=<pid>`), or restart them')
    return
  }
  const reload: ReloadOptions = {
    serverDir: folders(dataDir).nats,
    keysDir,
    hangUp: () => void process.kill(pid, 'SIGHUP'),
  }
  await reloadAccounts(reload)
  if (added !== undefined) await awaitSubscriber(added, { url: run.natsUrl, ...reload })
}
