import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import process from 'node:process'
import type { Environment } from '@verdict/toolchain'

const PROBE_TIMEOUT_MS = 5_000

/** What a scenario can need of the machine. */
export type Need = 'root' | 'ip' | 'mount' | 'strace'

const STRACE = ['-f', '-o', '/dev/null', '-e', 'inject=rmdir:error=EIO']

/** How each is found out. */
const PROBES: Readonly<Record<Need, (env: Environment) => boolean>> = {
  root: () => process.getuid?.() === 0,
  ip: (env) => runs('ip', ['netns', 'list'], env),
  // In a container, root may not. What is mounted is seen by the probe alone.
  mount: (env) => runs('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], env),
  // It may be there and not allowed to trace.
  strace: (env) => runs('strace', [...STRACE, process.execPath, '-v'], env),
}

/** Those that this machine lacks. */
export function missingNeeds(needs: readonly Need[], env: Environment): Need[] {
  return needs.filter((need) => !PROBES[need](env))
}

function runs(command: string, args: readonly string[], env: Environment): boolean {
  const { status } = spawnSync(command, args, {
    env: { ...env },
    stdio: 'ignore',
    timeout: PROBE_TIMEOUT_MS,
  })
  return status === 0
}
