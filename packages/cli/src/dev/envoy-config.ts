import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { PORTS } from '@verdict/contract'
import { REPOSITORY_ROOT } from '@verdict/toolchain'
import { CliError, CliErrorCode } from '../errors.ts'
import type { Ports } from './ports.ts'

/** The configuration that people copy, and that the demo runs as it stands. */
export const ENVOY_CONFIG_FILE: string = path.join(REPOSITORY_ROOT, 'deploy/envoy/envoy.yaml')

const MOVED = ['envoy', 'shop', 'authzGrpc'] as const

/** The demo's configuration with its three ports replaced: `port_value: <default>`, each once. */
export async function envoyConfigAt(ports: Ports): Promise<string> {
  const text = await readFile(ENVOY_CONFIG_FILE, 'utf8')
  return text.replace(/port_value: (\d+)/g, (_, found: string) => {
    const name = MOVED.find((candidate) => PORTS[candidate].default === Number(found))
    if (name !== undefined) return `port_value: ${ports[name]}`
    throw new CliError(
      CliErrorCode.badFile,
      `\`${ENVOY_CONFIG_FILE}\` has port ${found}, which is none of Verdict's default ports`,
    )
  })
}
