import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './ports.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait-for.ts'

const START_DEADLINE_MS = 20_000
const STOP_DEADLINE_MS = 10_000
/** Of what Envoy prints, this much of its end is kept for a failed start. */
const OUTPUT_CHARS_MAX = 4_000

export interface EnvoyPorts {
  readonly authz: number
  readonly upstream: number
}

/**
 * A real Envoy with nothing in it but ext_authz over gRPC: no header of a client is removed on the
 * way, so that a test sees what the answer of the decision point does alone.
 */
export class BareEnvoy implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess
  readonly #cleanUp: () => Promise<void>
  #output = ''

  private constructor(child: ChildProcess, url: string, cleanUp: () => Promise<void>) {
    this.#child = child
    this.url = url
    this.#cleanUp = cleanUp
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#output = (this.#output + text).slice(-OUTPUT_CHARS_MAX)
    })
  }

  /** `filter` are further fields of ext_authz, such as `failure_mode_allow`. */
  static async start(binary: string, ports: EnvoyPorts, filter: object = {}): Promise<BareEnvoy> {
    const scratch = temporaryDirectory()
    const file = join(scratch.path, 'envoy.json')
    const port = await freePort()
    writeFileSync(file, JSON.stringify(configuration(port, ports, filter)))
    const child = spawn(
      binary,
      ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'warn'],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const url = `http://127.0.0.1:${port}`
    const envoy = new BareEnvoy(child, url, async () => await scratch[Symbol.asyncDispose]())
    try {
      await waitFor(() => envoy.#answers(), { deadlineMs: START_DEADLINE_MS, what: 'an Envoy' })
    } catch (cause) {
      await envoy[Symbol.asyncDispose]()
      throw new Error(`Envoy did not start:\n${envoy.#output}`, { cause })
    }
    return envoy
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    await waitFor(() => this.#ended, { deadlineMs: STOP_DEADLINE_MS, what: 'Envoy to stop' })
    await this.#cleanUp()
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async #answers(): Promise<boolean> {
    if (this.#ended) throw new Error('it ended')
    try {
      await (await fetch(this.url, { signal: AbortSignal.timeout(2_000) })).arrayBuffer()
      return true
    } catch {
      // Not listening yet.
      return false
    }
  }
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
