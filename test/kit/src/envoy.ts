import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayProcess } from './gateway-process.ts'
import { freePort } from './ports.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export interface EnvoyPorts {
  readonly authz: number
  readonly upstream: number
}

/**
 * A real Envoy with nothing in it but ext_authz over gRPC: no header of a client is removed on the
 * way, so that a test sees what the answer of the decision point does alone. `filter` are further
 * fields of ext_authz, such as `failure_mode_allow`.
 */
export async function startBareEnvoy(
  binary: string,
  ports: EnvoyPorts,
  filter: object = {},
): Promise<GatewayProcess> {
  const scratch = temporaryDirectory()
  const file = join(scratch.path, 'envoy.json')
  const port = await freePort()
  writeFileSync(file, JSON.stringify(configuration(port, ports, filter)))
  const args = ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'warn']
  return await GatewayProcess.start({ name: 'envoy', binary, args, scratch, port })
}

const TYPES = 'type.googleapis.com/envoy.extensions'

function configuration(port: number, { authz, upstream }: EnvoyPorts, filter: object): object {
  const manager = {
    '@type': `${TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'test',
    http_filters: [
      {
        name: 'envoy.filters.http.ext_authz',
        typed_config: {
          '@type': `${TYPES}.filters.http.ext_authz.v3.ExtAuthz`,
          transport_api_version: 'V3',
          grpc_service: {
            envoy_grpc: { cluster_name: 'authz', authority: 'authz' },
            timeout: '5s',
          },
          ...filter,
        },
      },
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${TYPES}.filters.http.router.v3.Router` },
      },
    ],
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'upstream' } }],
        },
      ],
    },
  }
  const chain = {
    filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
  }
  return {
    static_resources: {
      listeners: [{ name: 'test', address: addressOf(port), filter_chains: [chain] }],
      clusters: [cluster('authz', authz, HTTP2), cluster('upstream', upstream, {})],
    },
  }
}

const HTTP2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${TYPES}.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
}

function cluster(name: string, port: number, options: object): object {
  const endpoint = { endpoint: { address: addressOf(port) } }
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] },
    ...options,
  }
}

function addressOf(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}
