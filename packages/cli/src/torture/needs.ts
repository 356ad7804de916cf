import { spawnSync } from 'node:child_process'
import process from 'node:process'
import type { Environment } from '@verdict/toolchain'

const PROBE_TIMEOUT_MS = 5_000

/** What a scenario can need of the machine. */
export type Need = 'root' | 'ip' | 'strace'

/** How each is found out. */
const PROBES: Readonly<Record<Need, (env: Environment) => boolean>> = {
  root: () => process.getuid?.() === 0,
  ip: (env) => runs('ip', ['netns', 'list'], env),
  strace: (env) => runs('strace', ['-V'], env),
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
