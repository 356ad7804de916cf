import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connectBus, createKeys, publicKeys, seedFile, serverConfig } from '@verdict/bus'
import type { Role } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { natsServerBinary } from './nats.ts'
import { freePort } from './ports.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const SERVERS = ['nats-1', 'nats-2', 'nats-3']

/** Three nats-servers that form a cluster, with fresh keys and nothing declared. */
export class NatsCluster implements AsyncDisposable {
  readonly url: string
  readonly #keysDir: string
  readonly #processes: readonly ChildProcess[]
  readonly #connections: NatsConnection[] = []
  readonly #cleanUp: () => Promise<void>

  private constructor(place: {
    url: string
    keysDir: string
    processes: readonly ChildProcess[]
    cleanUp: () => Promise<void>
  }) {
    this.url = place.url
    this.#keysDir = place.keysDir
    this.#processes = place.processes
    this.#cleanUp = place.cleanUp
  }

  static async start(): Promise<NatsCluster> {
    const directory = temporaryDirectory()
    const keysDir = path.join(directory.path, 'keys')
    await createKeys(keysDir)
    const [binary, keys] = [await natsServerBinary(), await publicKeys(keysDir)]
    const places: { serverName: string; port: number; route: number }[] = []
    for (const serverName of SERVERS) {
      places.push({ serverName, port: await freePort(), route: await freePort() })
    }
    const processes: ChildProcess[] = []
    for (const { serverName, port, route } of places) {
      const storeDir = path.join(directory.path, serverName)
      const routes = places.map((place) => `127.0.0.1:${place.route}`)
      const cluster = { name: 'test', serverName, port: route, routes, password: 'p@ss/word' }
      const text = serverConfig({ port, storeDir, keys, syncAlways: true, cluster })
      await writeFile(`${storeDir}.conf`, text, { mode: 0o600 })
      processes.push(spawn(binary, ['-c', `${storeDir}.conf`], { stdio: 'ignore' }))
    }
    const url = places.map(({ port }) => `nats://127.0.0.1:${port}`).join(',')
    const cleanUp = async (): Promise<void> => await directory[Symbol.asyncDispose]()
    return new NatsCluster({ url, keysDir, processes, cleanUp })
  }

  /** A connection with the key of a role; it is closed with the cluster. */
  async connect(role: Role): Promise<NatsConnection> {
    const { url } = this
    const file = seedFile(this.#keysDir, role)
    const nc = await connectBus({ url, role, seedFile: file, name: `test ${role}` })
    this.#connections.push(nc)
    return nc
  }

  /** Ends one of the servers as a power cut does. */
  kill(index: number): void {
    this.#processes[index]?.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#connections.map(async (nc) => await nc.close()))
    for (const server of this.#processes) {
      if (server.kill('SIGKILL')) await once(server, 'exit')
    }
    await this.#cleanUp()
  }
}
