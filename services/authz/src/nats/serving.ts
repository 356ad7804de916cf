import { ask, onCovered, type Serving, seedFile, serve, startHeartbeats } from '@verdict/bus'
import { type Covered, queues, subjects } from '@verdict/contract'
import type { CheckResult } from '@verdict/service'
import { BusLink, type Connection } from '../bus-link.ts'
import type { AuthzConfig } from '../config.ts'
import type { AuthzEvents } from '../events.ts'

/** Questions over NATS that are decided at the same time. */
const CONCURRENCY_MAX = 256

export interface BusServingOptions {
  readonly config: AuthzConfig
  readonly instance: string
  readonly events: AuthzEvents
  readonly handler: (payload: Uint8Array) => Promise<Uint8Array>
  readonly ready: () => boolean
  readonly facts: () => Record<string, string | number>
  /** Told how far journals are under a checkpoint of the log. */
  readonly onCovered: (covered: Covered) => void
  /** Follows something over the connection until the signal; rejects never. */
  readonly follow?: ((connection: Connection, signal: AbortSignal) => Promise<void>) | undefined
}

/**
 * The connection that serves: questions to authn, questions from callers, heartbeats. It begins
 * when there is a bus, however late that is.
 */
export class BusServing implements AsyncDisposable {
  readonly #options: BusServingOptions
  readonly #link: BusLink
  readonly #closing = new AbortController()
  #following: Promise<void> | undefined
  #serving: Serving | undefined
  #heartbeats: ReturnType<typeof startHeartbeats> | undefined

  constructor(options: BusServingOptions) {
    const { config, events } = options
    const role = 'authz-serve'
    this.#options = options
    this.#link = new BusLink({
      url: config.natsUrl,
      role,
      seedFile: seedFile(config.keysDir, role),
      onConnected: (connection) => this.#begin(connection),
      onRetry: (error) => events.busRetry(role, error),
      onError: (error) => events.busError(role, error),
    })
  }

  /** Asks authn who calls. */
  async identify(payload: Uint8Array): Promise<Uint8Array> {
    const timeoutMs = this.#options.config.identifyTimeoutMs
    return await ask(this.#link.connection(), subjects.identify, payload, { timeoutMs })
  }

  health(): CheckResult {
    return this.#link.health()
  }

  /** Takes no more questions, and answers those that were taken. */
  async drain(): Promise<void> {
    await this.#serving?.drain()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
    await this.#heartbeats?.stop()
    this.#closing.abort()
    await this.#following
    await this.#link.close()
  }

  #begin(connection: Connection): void {
    const { instance, events, handler, ready, facts, follow } = this.#options
    onCovered(connection, this.#options.onCovered)
    this.#serving = serve(connection, {
      subject: subjects.check,
      queue: queues.authz,
      concurrencyMax: CONCURRENCY_MAX,
      handler,
      onError: (error) => events.serverFault('nats', error),
    })
    this.#following = follow?.(connection, this.#closing.signal)
    this.#heartbeats = startHeartbeats(connection, { service: 'authz', instance, ready, facts })
  }
}
