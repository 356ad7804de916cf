import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ask, connectBus, provision, publicKeys, seedFile, serverConfig } from '@verdict/bus'
import { DECISIONS, streamApi } from '@verdict/contract'
import type { Environment } from '@verdict/toolchain'
import { TorturedProcess } from './tortured-process.ts'
import { until } from './waiting.ts'

const READY_DEADLINE_MS = 60_000
const QUESTION_TIMEOUT_MS = 2_000
const CONNECT_TIMEOUT_MS = 5_000
/** More than any torture sends, and little enough for any disk. */
const STREAM_BYTES_MAX = 1024 * 1024 * 1024
const ROLE = 'provisioner'

/** Where a server listens; each has a namespace of its own where it is to be cut off. */
export interface ServerPlace {
  readonly host: string
  readonly port: number
  readonly route: number
  readonly namespace?: string
}

export interface NatsServersOptions {
  readonly binary: string
  readonly dir: string
  readonly keysDir: string
  readonly places: readonly ServerPlace[]
  readonly env: Environment
}

interface StreamState {
  readonly cluster?: {
    readonly leader?: string
    readonly replicas?: readonly { readonly current?: boolean; readonly offline?: boolean }[]
  }
}

/** One nats-server, or several that form a cluster. */
export class NatsServers {
  readonly url: string
  readonly members: readonly TorturedProcess[]
  readonly #keysDir: string

  private constructor(url: string, members: readonly TorturedProcess[], keysDir: string) {
    this.url = url
    this.members = members
    this.#keysDir = keysDir
  }

  /** Writes their configuration; nothing runs yet. */
  static async create(options: NatsServersOptions): Promise<NatsServers> {
    const { dir, keysDir, places, binary, env } = options
    await mkdir(dir, { recursive: true })
    const keys = await publicKeys(keysDir)
    const routes = places.map(({ host, route }) => `${host}:${route}`)
    const members: TorturedProcess[] = []
    for (const [index, { host, port, route, namespace }] of places.entries()) {
      const name = nameOf(index)
      const file = path.join(dir, `${name}.conf`)
      const cluster = {
        name: 'torture',
        serverName: name,
        port: route,
        routes,
        password: 'torture',
      }
      const text = serverConfig({
        host,
        port,
        storeDir: path.join(dir, name),
        storeBytesMax: 8 * STREAM_BYTES_MAX,
        keys,
        syncAlways: true,
        ...(places.length > 1 ? { cluster } : { serverName: name }),
      })
      await writeFile(file, text, { mode: 0o600 })
      const inside = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]
      const [command = binary, ...args] = [...inside, binary, '-c', file]
      const logFile = path.join(dir, `${name}.log`)
      members.push(new TorturedProcess({ name, command, args, env, logFile }))
    }
    const url = places.map(({ host, port }) => `nats://${host}:${port}`).join(',')
    return new NatsServers(url, members, keysDir)
  }

  /** Starts all and declares the streams, which takes until the servers have found each other. */
  async start(stop: AbortSignal): Promise<void> {
    for (const member of this.members) await member.start()
    const replicas = this.members.length
    const declared = async (): Promise<boolean> => {
      try {
        await using nc = await this.#connect()
        await provision(nc.connection, { replicas, maxBytes: STREAM_BYTES_MAX })
        return true
      } catch {
        // There is no leader yet that could take it; the deadline ends what has another cause.
        return false
      }
    }
    const what = 'the streams to be declared'
    await until(declared, { deadlineMs: READY_DEADLINE_MS, what, stop })
  }

  /** The server that leads the stream, and whether all replicas follow it. */
  async leader(): Promise<{ index: number; allCurrent: boolean } | undefined> {
    try {
      await using nc = await this.#connect()
      const subject = `${streamApi(ROLE)}.STREAM.INFO.${DECISIONS.name}`
      const options = { timeoutMs: QUESTION_TIMEOUT_MS }
      const reply = await ask(nc.connection, subject, new Uint8Array(0), options)
      const { cluster } = JSON.parse(new TextDecoder().decode(reply)) as StreamState
      const index = this.members.findIndex(({ name }) => name === cluster?.leader)
      const replicas = cluster?.replicas ?? []
      const follow = replicas.every(({ current, offline }) => current === true && !offline)
      return index < 0
        ? undefined
        : { index, allCurrent: follow && replicas.length + 1 === this.members.length }
    } catch {
      // Nobody leads while the servers elect.
      return undefined
    }
  }

  /** Waits until one of them leads and all others have what it has; resolves with its index. */
  async whole(stop: AbortSignal): Promise<number> {
    const what = 'all replicas of the stream to be current'
    const found = await until(
      async () => {
        const leader = await this.leader()
        return leader?.allCurrent ? leader : undefined
      },
      { deadlineMs: READY_DEADLINE_MS, what, stop },
    )
    return found.index
  }

  async #connect() {
    const connection = await connectBus({
      url: this.url,
      role: ROLE,
      seedFile: seedFile(this.#keysDir, ROLE),
      name: 'verdict torture',
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    })
    return { connection, [Symbol.asyncDispose]: async () => await connection.close() }
  }
}

function nameOf(index: number): string {
  return `nats-${index + 1}`
}
