import { DECIDED, DECISIONS, POLICY_STREAMS, type Role } from '@verdict/contract'
import { PAYLOAD_BYTES_MAX } from './request.ts'
import { type SubscriberKey, serverAccounts } from './server-accounts.ts'

/** Room for all streams and what JetStream keeps beside them; beyond it nothing is stored. */
export const DEFAULT_STORE_BYTES_MAX: number =
  [DECISIONS, DECIDED, ...POLICY_STREAMS].reduce((sum, { maxBytes }) => sum + maxBytes, 0) * 1.25
/** No stream of ours is in memory. */
const MEMORY_STORE_BYTES_MAX = 64 * 1024 ** 2

/** The place of a server among those that form one cluster. */
export interface ClusterOptions {
  readonly name: string
  /** Unique in the cluster. */
  readonly serverName: string
  /** The port on which this server takes routes. */
  readonly port: number
  /** All servers of the cluster, `host:port` of their routes; this one may be among them. */
  readonly routes: readonly string[]
  /** Shared by the servers: who has it may join them. */
  readonly password: string
}

export interface ServerConfigOptions {
  readonly port: number
  /** Default 127.0.0.1, so that nobody outside of the machine reaches it. */
  readonly host?: string
  /** Where JetStream keeps its files. */
  readonly storeDir: string
  /** The most that they take. Default: a fourth more than the streams, 7 GiB. */
  readonly storeBytesMax?: number
  /** The public key of each role. */
  readonly keys: Readonly<Record<Role, string>>
  /** Those who have a key of their own. */
  readonly subscribers?: readonly SubscriberKey[]
  /** Each message is on disk before it is acknowledged: there is no other mode. */
  readonly syncAlways: true
  /** Default: a name of the server's own making. */
  readonly serverName?: string
  readonly cluster?: ClusterOptions
}

/**
 * The configuration of a nats-server of ours, in the server's own format (a superset of JSON).
 * Whoever has no key of a role is refused; there is no monitoring port, no default user.
 */
export function serverConfig(options: ServerConfigOptions): string {
  const { port, host = '127.0.0.1', storeDir, keys, serverName, cluster } = options
  const name = cluster?.serverName ?? serverName
  const config = {
    ...(name === undefined ? {} : { server_name: name }),
    host,
    port,
    max_payload: PAYLOAD_BYTES_MAX,
    jetstream: {
      store_dir: storeDir,
      sync_interval: 'always',
      strict: true,
      max_file_store: options.storeBytesMax ?? DEFAULT_STORE_BYTES_MAX,
      max_memory_store: MEMORY_STORE_BYTES_MAX,
    },
    accounts: serverAccounts(keys, options.subscribers),
    // Permissions and readers hold on to the first form of acknowledgement subjects.
    feature_flags: { js_ack_fc_v2: false },
    ...(cluster === undefined ? {} : { cluster: clusterBlock(host, cluster) }),
  }
  return configText(config)
}

/** A configuration in the server's format. */
export function configText(config: object): string {
  return `# Written by Verdict: change the settings it is made from.\n${JSON.stringify(config, null, 2)}\n`
}

function clusterBlock(host: string, { name, port, routes, password }: ClusterOptions): object {
  const user = 'route'
  const secret = encodeURIComponent(password)
  return {
    name,
    host,
    port,
    authorization: { user, password },
    routes: routes.map((route) => `nats-route://${user}:${secret}@${route}`),
  }
}
