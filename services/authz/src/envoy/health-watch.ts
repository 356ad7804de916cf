import { HealthCheckResponse_ServingStatus as Serving } from './gen/grpc/health/v1/health_pb.ts'
import { GrpcError } from './grpc-status.ts'
import { encodeStatus, HEALTH_SERVICES, serviceOf, servingStatus } from './health.ts'
import type { StreamClient, StreamHandler, StreamHandling } from './stream-call.ts'

/** How soon a change is told. */
const LOOK_INTERVAL_MS = 500

interface Looker {
  look(): void
}

/**
 * Answers `grpc.health.v1.Health/Watch`: the status of now, then each change, until the client or
 * the server ends the stream. A client that reads slowly gets the newest status only.
 */
export function healthWatchHandler(
  ready: () => boolean,
  intervalMs: number = LOOK_INTERVAL_MS,
): StreamHandler {
  const watchers = new Set<Looker>()
  let timer: NodeJS.Timeout | undefined
  return (client) => {
    const watcher = new Watcher(client, ready, () => {
      watchers.add(watcher)
      timer ??= setInterval(() => {
        for (const each of watchers) each.look()
      }, intervalMs).unref()
    })
    return {
      message: (message) => watcher.message(message),
      finished: () => watcher.finished(),
      drained: () => watcher.look(),
      stopping: () => watcher.stopping(),
      closed: () => {
        watchers.delete(watcher)
        if (watchers.size > 0) return
        clearInterval(timer)
        timer = undefined
      },
    } satisfies StreamHandling
  }
}

/** One client that watches one service. */
class Watcher implements Looker {
  readonly #client: StreamClient
  readonly #ready: () => boolean
  readonly #onAsked: () => void
  #service: string | undefined
  #told: Serving | undefined

  constructor(client: StreamClient, ready: () => boolean, onAsked: () => void) {
    this.#client = client
    this.#ready = ready
    this.#onAsked = onAsked
  }

  message(message: Uint8Array): void {
    if (this.#service !== undefined) {
      throw new GrpcError('unimplemented', 'this method takes one message, and more came')
    }
    this.#service = serviceOf(message)
    this.#onAsked()
    this.look()
  }

  finished(): void {
    if (this.#service !== undefined) return
    throw new GrpcError('unimplemented', 'this method takes one message, and none came')
  }

  look(): void {
    if (this.#service === undefined || this.#client.blocked) return
    // It may come with a later version, says the protocol: the stream goes on.
    const known = HEALTH_SERVICES.includes(this.#service)
    this.#tell(known ? servingStatus(this.#ready()) : Serving.SERVICE_UNKNOWN)
  }

  stopping(): void {
    if (this.#told === Serving.SERVING) this.#tell(Serving.NOT_SERVING)
  }

  #tell(status: Serving): void {
    if (status === this.#told) return
    this.#told = status
    this.#client.send(encodeStatus(status))
  }
}
