import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, connect as dial } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { ServerInfo } from 'nats'
import { BusError, BusErrorCode } from './errors.ts'

/** A server tells what it is as soon as it takes a connection. */
const INFO_TIMEOUT_MS = 1_000

/** The server that used a folder last. */
export interface RememberedServer {
  readonly host: string
  readonly port: number
  /** Random at each start, so that it tells the server from every other. */
  readonly serverName: string
  readonly pid: number
}

export async function rememberServer(dir: string, server: RememberedServer): Promise<void> {
  await writeFile(memory(dir), `${JSON.stringify(server)}\n`, { mode: 0o600 })
}

/**
 * Two servers on one store would ruin it, and the server itself does not look.
 * @throws {BusError} `store_in_use`
 */
export async function refuseStoreInUse(dir: string): Promise<void> {
  const last = await remembered(dir)
  if (last === undefined) return
  const info = await serverInfo(last.host, last.port)
  if (info?.server_name !== last.serverName) return
  throw new BusError(
    BusErrorCode.storeInUse,
    `\`${dir}\` is in use by the nats-server on port ${last.port} with pid ${last.pid}: ` +
      'stop that one, or choose another folder with --data-dir',
  )
}

/** @throws {BusError} `port_in_use` */
export async function refusePortInUse(host: string, port: number): Promise<void> {
  const server = createServer()
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
  } catch (cause) {
    throw new BusError(
      BusErrorCode.portInUse,
      `port ${port} of ${host}, wanted for nats-server, is in use: ` +
        'stop the process that listens there, or move every port with --port-base',
      { cause },
    )
  }
  server.close()
  await once(server, 'close')
}

/** What the server that listens there says of itself; undefined where none does. */
export async function serverInfo(
  host: string,
  port: number,
): Promise<Partial<ServerInfo> | undefined> {
  const socket = dial({ host, port })
  // Whatever goes wrong here shows as a wait without an answer.
  socket.on('error', () => socket.destroy())
  const signal = AbortSignal.timeout(INFO_TIMEOUT_MS)
  try {
    await once(socket, 'connect', { signal })
    const [line] = (await once(createInterface({ input: socket }), 'line', { signal })) as [string]
    const info: unknown = JSON.parse(line.replace(/^INFO\s+/, ''))
    return typeof info === 'object' && info !== null ? info : undefined
  } catch {
    // Nobody listens, or it is no nats-server: either way there is none.
    return undefined
  } finally {
    socket.destroy()
  }
}

async function remembered(dir: string): Promise<RememberedServer | undefined> {
  try {
    return JSON.parse(await readFile(memory(dir), 'utf8')) as RememberedServer
  } catch {
    // No server was here before, or it was ended while it wrote its name: it does not run.
    return undefined
  }
}

function memory(dir: string): string {
  return path.join(dir, 'nats-server.json')
}
