import { createHttp, type FastifyInstance, type ServiceContext } from '@verdict/service'
import { type AuthzConfig, settings } from '../config.ts'
import type { Decider } from '../decide.ts'
import { GrpcServer } from '../envoy/grpc-server.ts'
import { grpcMethods } from '../envoy/methods.ts'
import type { AuthzEvents } from '../events.ts'
import { addCheckRoutes } from '../http/check.ts'
import { addDataRoute } from '../http/data.ts'
import { Certificates, type SecureServer } from './tls.ts'
import { UnixSocket } from './unix-socket.ts'

/** The ports and sockets on which Envoy and gateways ask. */
export class Listeners implements AsyncDisposable {
  readonly #http: FastifyInstance
  readonly #grpc: GrpcServer
  readonly #stopTimeoutMs: number
  readonly #sockets: UnixSocket[] = []
  #certificates: Certificates | undefined

  private constructor(http: FastifyInstance, grpc: GrpcServer, stopTimeoutMs: number) {
    this.#http = http
    this.#grpc = grpc
    this.#stopTimeoutMs = stopTimeoutMs
  }

  static async open(
    { config, health, log, metrics }: ServiceContext<AuthzConfig>,
    decider: Pick<Decider, 'decide'>,
    events: AuthzEvents,
  ): Promise<Listeners> {
    const { bodyBytesMax, host, httpPort, grpcPort, stopTimeoutMs } = config
    await using listeners = new AsyncDisposableStack()
    const certificates = Certificates.open(config, events)
    if (certificates !== undefined) listeners.use(certificates)
    const tls = certificates === undefined ? undefined : { tls: certificates.options }
    const http = createHttp({ log, metrics, health, bodyBytesMax, ...tls })
    const timeoutHeader = config.httpTimeoutHeader?.toLowerCase()
    await addCheckRoutes(http, decider, events, timeoutHeader)
    await addDataRoute(http, decider, { events, timeoutHeader })
    const grpc = new GrpcServer({
      ...grpcMethods(config, decider, events, health),
      messageBytesMax: bodyBytesMax,
      onFault: (error) => events.serverFault('gRPC', error),
      ...tls,
    })
    const opened = listeners.use(new Listeners(http, grpc, stopTimeoutMs))
    certificates?.follow(grpc)
    certificates?.follow(http.server as unknown as SecureServer)
    await http.ready()
    if (httpPort !== 'off') await http.listen({ host, port: httpPort })
    if (grpcPort !== 'off') await grpc.listen({ host, port: grpcPort })
    await opened.#openSockets(config)
    opened.#certificates = certificates
    listeners.move()
    return opened
  }

  /**
   * Takes no more requests, and answers those that were taken, within half of the time that a
   * stop may take; what is left then is cut off.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const timeoutMs = this.#stopTimeoutMs / 2
    this.#certificates?.[Symbol.dispose]()
    const sockets = this.#sockets.map(async (socket) => await socket.close())
    await Promise.all([this.#grpc.stop(timeoutMs), this.#closeHttp(timeoutMs, sockets)])
  }

  async #openSockets({ grpcSocket, httpSocket, socketMode: mode }: AuthzConfig): Promise<void> {
    if (grpcSocket !== undefined) {
      const open = UnixSocket.open({
        path: grpcSocket,
        mode,
        setting: settings.grpcSocket.env,
        onConnection: (connection) => this.#grpc.inject(connection),
      })
      this.#sockets.push(await open)
    }
    if (httpSocket !== undefined) {
      const open = UnixSocket.open({
        path: httpSocket,
        mode,
        setting: settings.httpSocket.env,
        onConnection: (connection) => this.#http.server.emit('connection', connection),
      })
      this.#sockets.push(await open)
    }
  }

  /** The connections of the sockets are those of the two servers, and end with them. */
  async #closeHttp(timeoutMs: number, sockets: readonly Promise<void>[]): Promise<void> {
    const cut = setTimeout(() => this.#http.server.closeAllConnections(), timeoutMs)
    await this.#http.close()
    // Without a port the line above knows of no connections.
    this.#http.server.closeIdleConnections()
    await Promise.all(sockets)
    clearTimeout(cut)
  }
}
