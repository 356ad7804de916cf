import { createHttp, type FastifyInstance, type ServiceContext } from '@verdict/service'
import type { AuthzConfig } from './config.ts'
import type { Decider } from './decide.ts'
import { CHECK_METHOD, checkHandler } from './envoy/check.ts'
import { GrpcServer } from './envoy/grpc-server.ts'
import { HEALTH_METHOD, healthHandler } from './envoy/health.ts'
import type { AuthzEvents } from './events.ts'
import { addCheckRoutes } from './http/check.ts'

/** The ports on which Envoy and gateways ask. */
export class Listeners implements AsyncDisposable {
  readonly #http: FastifyInstance
  readonly #grpc: GrpcServer
  readonly #stopTimeoutMs: number

  private constructor(http: FastifyInstance, grpc: GrpcServer, stopTimeoutMs: number) {
    this.#http = http
    this.#grpc = grpc
    this.#stopTimeoutMs = stopTimeoutMs
  }

  static async open(
    { config, health, log, metrics }: ServiceContext<AuthzConfig>,
    decider: Decider,
    events: AuthzEvents,
  ): Promise<Listeners> {
    const { bodyBytesMax, host, httpPort, grpcPort, stopTimeoutMs } = config
    const http = createHttp({ log, metrics, health, bodyBytesMax })
    await addCheckRoutes(http, decider, events)
    const grpc = new GrpcServer({
      methods: {
        [CHECK_METHOD]: checkHandler(decider, events),
        [HEALTH_METHOD]: healthHandler(() => health.report().ok),
      },
      messageBytesMax: bodyBytesMax,
      onFault: (error) => events.serverFault('gRPC', error),
    })
    await using listeners = new AsyncDisposableStack()
    const opened = listeners.use(new Listeners(http, grpc, stopTimeoutMs))
    await http.listen({ host, port: httpPort })
    await grpc.listen({ host, port: grpcPort })
    listeners.move()
    return opened
  }

  /**
   * Takes no more requests, and answers those that were taken, within half of the time that a
   * stop may take; what is left then is cut off.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const timeoutMs = this.#stopTimeoutMs / 2
    await Promise.all([this.#grpc.stop(timeoutMs), this.#closeHttp(timeoutMs)])
  }

  async #closeHttp(timeoutMs: number): Promise<void> {
    const cut = setTimeout(() => this.#http.server.closeAllConnections(), timeoutMs)
    await this.#http.close()
    clearTimeout(cut)
  }
}
