import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { GatewayProcess } from './gateway-process.ts'
import { writeFiles } from './opa.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const DEPLOY = resolve(import.meta.dirname, '../../../deploy')

export interface GatewayPorts {
  readonly listen: number
  readonly authz: number
  readonly upstream: number
}

interface GatewayKind {
  /** Its configuration below deploy/. */
  readonly configuration: string
  /** The ports as the configuration has them, in the order of listen, authz and upstream. */
  readonly written: readonly [listen: string, authz: string, upstream: string]
  readonly arguments: (file: string) => readonly string[]
  /** It speaks no HTTP: that it takes connections is all that can be seen. */
  readonly isTcp?: boolean
}

const KINDS = {
  caddy: {
    configuration: 'caddy/Caddyfile',
    written: ['http://:10081', '127.0.0.1:8181', '127.0.0.1:10001'],
    arguments: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
  },
  envoyHttpService: {
    configuration: 'envoy/http-service.yaml',
    written: ['port_value: 10082', 'port_value: 8181', 'port_value: 10001'],
    arguments: (file) => ['-c', file, '--use-dynamic-base-id', '--concurrency', '1'],
  },
  envoyTcp: {
    configuration: 'envoy/tcp.yaml',
    written: ['port_value: 10083', 'port_value: 9191', 'port_value: 10001'],
    arguments: (file) => ['-c', file, '--use-dynamic-base-id', '--concurrency', '1'],
    isTcp: true,
  },
} as const satisfies Record<string, GatewayKind>

/**
 * A gateway with its configuration of deploy/, the ports moved for the test. `files` are what the
 * configuration names, such as certificates, by their names in it.
 */
export async function startGateway(
  kind: keyof typeof KINDS,
  binary: string,
  ports: GatewayPorts,
  files: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const {
    configuration,
    written,
    arguments: argumentsFor,
    isTcp = false,
  }: GatewayKind = KINDS[kind]
  const scratch = temporaryDirectory()
  writeFiles(scratch.path, files)
  const file = join(scratch.path, configuration.split('/').at(-1) ?? '')
  writeFileSync(file, moved(readFileSync(join(DEPLOY, configuration), 'utf8'), written, ports))
  const args = argumentsFor(file)
  return await GatewayProcess.start({
    name: kind,
    binary,
    args,
    scratch,
    port: ports.listen,
    isTcp,
  })
}

function moved(
  configuration: string,
  written: GatewayKind['written'],
  { listen, authz, upstream }: GatewayPorts,
): string {
  const ports = [listen, authz, upstream]
  return written.reduce((text, place, index) => {
    if (!text.includes(place)) throw new Error(`the configuration has no \`${place}\` any more`)
    return text.replace(place, place.replace(/\d+$/, String(ports[index])))
  }, configuration)
}
