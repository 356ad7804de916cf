import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { messageOf } from '@verdict/contract'
import { ListenerError, ListenerErrorCode } from '../errors.ts'

/** Who asks over a socket of this machine is heard within this time, or holds it no more. */
const PROBE_TIMEOUT_MS = 1_000
/** Connections beyond this many are closed at once. */
const CONNECTIONS_MAX = 1_024

export interface UnixSocketOptions {
  /** A path, or `@name` for Linux's abstract names, which have no file and no mode. */
  readonly path: string
  /** Such as `0660`. */
  readonly mode: string
  /** The setting that names the path, for messages. */
  readonly setting: string
  /** Hands a connection to the server that speaks on it. */
  readonly onConnection: (socket: Socket) => void
}

/** A second door to a server that also has a port: connections are handed to it as they come. */
export class UnixSocket {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /**
   * Listens, together with the other processes of this service.
   * @throws {ListenerError} `socket_unusable`, as a rejection, naming the setting
   */
  static async open(options: UnixSocketOptions): Promise<UnixSocket> {
    const { path, mode, setting, onConnection } = options
    const abstract = path.startsWith('@')
    const address = abstract ? `\0${path.slice(1)}` : path
    const server = createServer(onConnection)
    server.maxConnections = CONNECTIONS_MAX
    try {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      server.once('error', reject)
      server.listen({ path: address }, resolve)
      await promise
      if (!abstract) chmodSync(path, Number.parseInt(mode, 8))
    } catch (cause) {
      server.close()
      throw unusable(setting, path, messageOf(cause), cause)
    }
    return new UnixSocket(server)
  }

  /** Takes no more connections, and resolves when those that are there have ended. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    await promise
  }
}

/**
 * Makes way for a socket: the file of a process that is dead is deleted.
 * @throws {ListenerError} `socket_unusable`, as a rejection, naming the setting
 */
export async function removeStale(path: string, setting: string): Promise<void> {
  if (path.startsWith('@')) return
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isSocket()) throw unusable(setting, path, 'something else than a socket is there')
  if (await isAlive(path)) throw unusable(setting, path, 'another process listens there')
  unlinkSync(path)
}

/** Only a refusal says that nobody listens; whatever else happens, the file stays. */
async function isAlive(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ path, timeout: PROBE_TIMEOUT_MS })
  socket.once('connect', () => resolve(true))
  socket.once('timeout', () => resolve(true))
  socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  try {
    return await promise
  } finally {
    socket.destroy()
  }
}

function unusable(setting: string, path: string, why: string, cause?: unknown): ListenerError {
  return new ListenerError(
    ListenerErrorCode.socketUnusable,
    `\`${path}\` can't be listened on: ${why}: set ${setting} to another path`,
    { cause },
  )
}
