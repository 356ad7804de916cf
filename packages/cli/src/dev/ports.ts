import { once } from 'node:events'
import { createServer } from 'node:net'
import { type PortName, portOf } from '@verdict/contract'
import { CliError, CliErrorCode } from '../errors.ts'

/** Who listens on each port, for people. */
const LISTENERS: Readonly<Record<PortName, string>> = {
  authzHttp: 'authz, HTTP',
  authzGrpc: 'authz, gRPC',
  authnHttp: 'authn, HTTP',
  auditHttp: 'audit, HTTP',
  telemetryHttp: 'telemetry, HTTP',
  nats: 'nats-server',
  envoy: "the demo's Envoy",
  shop: "the demo's shop",
}

const CLUSTER_PORTS = [
  'authzHttp',
  'authzGrpc',
  'authnHttp',
  'auditHttp',
  'telemetryHttp',
  'nats',
] as const
const DEMO_PORTS = ['envoy', 'shop'] as const

/** `--port-base` leaves room for every port above it, and needs no privilege. */
export const PORT_BASE_MIN = 1024
export const PORT_BASE_MAX = 65_500

const LIST = new Intl.ListFormat('en')

export type Ports = Readonly<Record<PortName, number>>

export function portsFrom(base: number | undefined): Ports {
  const names = [...CLUSTER_PORTS, ...DEMO_PORTS]
  return Object.fromEntries(names.map((name) => [name, portOf(name, base)])) as Ports
}

/** The ports that are listened on, with the demo or without. */
export function portsInUse(demo: boolean): readonly PortName[] {
  return demo ? [...CLUSTER_PORTS, ...DEMO_PORTS] : CLUSTER_PORTS
}

/** Makes sure that nobody listens where we will. @throws {CliError} `port_in_use` */
export async function checkPorts(
  ports: Ports,
  names: readonly PortName[],
  host: string,
): Promise<void> {
  const taken: string[] = []
  for (const name of names) {
    if (!(await isFree(ports[name], host))) taken.push(`${ports[name]} (${LISTENERS[name]})`)
  }
  if (taken.length === 0) return
  const one = taken.length === 1
  throw new CliError(
    CliErrorCode.portInUse,
    `${one ? 'port' : 'ports'} ${LIST.format(taken)} ${one ? 'is' : 'are'} in use by another ` +
      'program: end it, or pass `--port-base N`, which moves every port',
  )
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer()
  try {
    server.listen({ port, host, exclusive: true })
    await once(server, 'listening')
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  } finally {
    server.close()
  }
}
