import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { CommandContext } from '../command.ts'
import type { Cluster, Place } from './cluster.ts'
import { ENVOY_CONFIG_FILE, envoyConfigAt } from './envoy-config.ts'
import { envoyLine } from './log-line.ts'
import type { Ports } from './ports.ts'
import { envoyProgram } from './programs.ts'
import { folders } from './settings.ts'

const ENVOY_READY_TIMEOUT_MS = 30_000

export interface EnvoyOptions {
  readonly cluster: Cluster
  readonly ports: Ports
  readonly dataDir: string
  readonly portBase: number | undefined
  readonly binary: string
}

/** Starts Envoy in front of the demo shop. */
export async function startEnvoy(
  { cluster, ports, dataDir, portBase, binary }: EnvoyOptions,
  { terminal, stop }: CommandContext,
): Promise<void> {
  const step = terminal.step('starting Envoy in front of the demo shop')
  try {
    const configFile = await writeConfig(ports, dataDir, portBase)
    const place: Place = {
      ports: ['envoy'],
      format: envoyLine,
      commandPart: configFile,
      endsWithParent: false,
    }
    const envoy = await cluster.add('envoy', place, (output) =>
      envoyProgram({ binary, configFile, port: ports.envoy, output }),
    )
    await envoy.whenReady({ timeoutMs: ENVOY_READY_TIMEOUT_MS, signal: stop })
    step.done()
  } catch (error) {
    step.failed()
    throw error
  }
}

/** The file itself where every port is its own, else a copy with the ports replaced. */
async function writeConfig(
  ports: Ports,
  dataDir: string,
  portBase: number | undefined,
): Promise<string> {
  if (portBase === undefined) return ENVOY_CONFIG_FILE
  const { demo } = folders(dataDir)
  await mkdir(demo, { recursive: true, mode: 0o700 })
  const file = path.join(demo, 'envoy.yaml')
  await writeFile(file, await envoyConfigAt(ports))
  return file
}
