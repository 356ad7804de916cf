import { type AuthzConfig, settings } from '../config.ts'
import { removeStale } from './unix-socket.ts'

/**
 * Clears the paths of the Unix sockets, once for all processes that will share them.
 * @throws {ListenerError} `socket_unusable`, naming the setting
 */
export async function prepareSockets({
  grpcSocket,
  httpSocket,
}: Pick<AuthzConfig, 'grpcSocket' | 'httpSocket'>): Promise<void> {
  if (grpcSocket !== undefined) await removeStale(grpcSocket, settings.grpcSocket.env)
  if (httpSocket !== undefined) await removeStale(httpSocket, settings.httpSocket.env)
}
