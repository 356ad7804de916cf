import { setTimeout as delay } from 'node:timers/promises'
import { BusError, BusErrorCode, busHealth, connectBus } from '@verdict/bus'
import { messageOf, type Role } from '@verdict/contract'
import type { CheckResult } from '@verdict/service'

export type Connection = Awaited<ReturnType<typeof connectBus>>

/** One round of attempts; between two rounds the link says why the last one failed. */
const ROUND_TIMEOUT_MS = 2_000
/** What is refused at once, such as a key, is not tried again before this. */
const ROUND_PAUSE_MS = 1_000

export interface BusLinkOptions {
  readonly url: string
  readonly role: Role
  readonly seedFile: string
  /** Told when the first connection is there. */
  readonly onConnected?: (connection: Connection) => void
  /** A round of attempts failed; the next one follows. */
  readonly onRetry: (error: unknown) => void
  /** The server refused something that nobody waits for. */
  readonly onError: (error: BusError) => void
}

/**
 * A connection that may come late: a decision point starts, and says that it is not ready, while
 * there is no bus, and works as soon as there is one.
 */
export class BusLink {
  readonly #options: BusLinkOptions
  readonly #closing = new AbortController()
  readonly #connecting: Promise<void>
  #connection: Connection | undefined
  #health: (() => CheckResult) | undefined
  #detail: string

  constructor(options: BusLinkOptions) {
    this.#options = options
    this.#detail = `no connection to ${options.url} yet`
    this.#connecting = this.#connect()
  }

  /** @throws {BusError} `disconnected` while there is none */
  connection(): Connection {
    if (this.#connection === undefined) {
      throw new BusError(BusErrorCode.disconnected, this.#detail)
    }
    return this.#connection
  }

  health(): CheckResult {
    return this.#health?.() ?? { ok: false, detail: this.#detail }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#connecting
    await this.#connection?.close()
  }

  async #connect(): Promise<void> {
    const { url, role, seedFile, onConnected, onRetry, onError } = this.#options
    const { signal } = this.#closing
    const name = `authz ${role}`
    while (!signal.aborted) {
      try {
        const connection = await connectBus({
          url,
          role,
          seedFile,
          name,
          connectTimeoutMs: ROUND_TIMEOUT_MS,
          onError,
        })
        this.#connection = connection
        this.#health = busHealth(connection)
        if (!signal.aborted) onConnected?.(connection)
        return
      } catch (error) {
        this.#detail = messageOf(error)
        onRetry(error)
        await delay(ROUND_PAUSE_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  }
}
