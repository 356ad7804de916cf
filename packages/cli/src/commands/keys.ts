import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import {
  createKeys,
  publicKeys,
  readSubscribers,
  type ServerConfigOptions,
  serverConfig,
} from '@verdict/bus'
import { ROLES } from '@verdict/contract'
import { usage } from '../arguments.ts'
import { defineCommand, ExitCode } from '../command.ts'

const CLIENT_PORT = 4222
const ROUTE_PORT = 6222
const CLUSTER_NAME = 'verdict'
const SECRET = 0o600
/** nats-server's own limit is far beyond; a list that is longer is a mistake. */
const SERVERS_MAX = 9

export const keys = defineCommand({
  name: 'keys',
  summary: 'make a key for each role, and the configuration of nats-server',
  description: `
Makes one nkey for each role of the bus in DIR, and keeps those that are there. Then prints
the configuration of a nats-server that knows these keys, those of subscribers (\`verdict
subscriber add\`), and what each may do, or writes one for each server of a cluster.
`,
  positionals: 'DIR',
  positionalsMax: 1,
  options: {
    'server-config': { kind: 'text', value: 'DIR', help: 'write the configuration there' },
    servers: {
      kind: 'text',
      value: 'A,B,C',
      help: 'the host names of a cluster; each gets its file in `--server-config`',
    },
    'store-dir': {
      kind: 'text',
      value: 'DIR',
      default: '/data',
      help: 'where the nats-server keeps its streams',
    },
  },
  examples: [
    'verdict keys ./keys > nats-server.conf',
    'verdict keys ./keys --server-config ./nats --servers nats-1,nats-2,nats-3',
  ],
  async run(options, [keysDir], { terminal }) {
    if (keysDir === undefined) throw usage('keys', 'the folder for the keys is needed')
    const configDir = options['server-config']
    const servers = options.servers?.split(',').filter(Boolean) ?? []
    if (servers.length > 0 && configDir === undefined) {
      throw usage('keys', '`--servers` needs `--server-config`')
    }
    if (servers.length > SERVERS_MAX) throw usage('keys', `more than ${SERVERS_MAX} servers`)
    await createKeys(keysDir)
    const subscribers = await readSubscribers(keysDir)
    const known = { keys: await publicKeys(keysDir), subscribers }
    const storeDir = options['store-dir']
    if (configDir === undefined) {
      terminal.line(singleServer(known, storeDir).trimEnd())
      return ExitCode.ok
    }
    await mkdir(configDir, { recursive: true })
    terminal.line(`${ROLES.length} keys in ${keysDir}`)
    for (const [name, text] of await configurations(servers, { known, storeDir, configDir })) {
      const file = path.join(configDir, `${name}.conf`)
      await writeFile(file, text, { mode: SECRET })
      terminal.line(file)
    }
    return ExitCode.ok
  },
})

type Known = Pick<ServerConfigOptions, 'keys' | 'subscribers'>

async function configurations(
  servers: readonly string[],
  { known, storeDir, configDir }: { known: Known; storeDir: string; configDir: string },
): Promise<[name: string, text: string][]> {
  if (servers.length === 0) return [['nats-server', singleServer(known, storeDir)]]
  const password = await clusterPassword(configDir)
  const routes = servers.map((server) => `${server}:${ROUTE_PORT}`)
  return servers.map((serverName) => {
    const cluster = { name: CLUSTER_NAME, serverName, port: ROUTE_PORT, routes, password }
    return [serverName, serverConfig({ ...common(known, storeDir), cluster })]
  })
}

function singleServer(known: Known, storeDir: string): string {
  return serverConfig({ ...common(known, storeDir), serverName: CLUSTER_NAME })
}

function common(known: Known, storeDir: string) {
  return { port: CLIENT_PORT, host: '0.0.0.0', storeDir, ...known, syncAlways: true } as const
}

/** Stays the same, so that a server that starts again still joins the others. */
async function clusterPassword(configDir: string): Promise<string> {
  const file = path.join(configDir, 'cluster.password')
  try {
    await writeFile(file, `${randomBytes(24).toString('base64url')}\n`, {
      mode: SECRET,
      flag: 'wx',
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return (await readFile(file, 'utf8')).trim()
}
