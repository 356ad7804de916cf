import assert from 'node:assert/strict'
import type { Role } from '@verdict/contract'
import { errors, type NatsConnection, type Status } from 'nats'
import { BusError, BusErrorCode } from './errors.ts'

/** What readiness says of one dependency. */
export interface BusHealth {
  readonly ok: boolean
  readonly detail: string
}

/** The end of a connection, to race a wait against. `release` when the wait is over. */
export interface Loss {
  readonly lost: Promise<void>
  release(): void
}

export interface StateOptions {
  readonly role: Role
  readonly onError: (error: BusError) => void
}

/**
 * What is known of a connection. The client neither fails requests that are under way when the
 * connection drops, nor tells whether it is connected: its status events are followed instead.
 */
export class ConnectionState {
  connected: boolean
  detail: string
  readonly role: Role
  readonly #onError: (error: BusError) => void
  readonly #waiting = new Set<() => void>()

  constructor(nc: NatsConnection, { role, onError }: StateOptions) {
    this.role = role
    this.#onError = onError
    this.connected = !nc.isClosed()
    this.detail = this.connected ? connectedTo(nc) : 'the connection is closed'
    void this.#follow(nc)
  }

  loss(): Loss {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.connected) this.#waiting.add(resolve)
    else resolve()
    return { lost: promise, release: () => this.#waiting.delete(resolve) }
  }

  async #follow(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) this.#apply(status, nc)
    this.#lose('the connection is closed')
  }

  #apply(status: Status, nc: NatsConnection): void {
    if (status.type === 'error') this.#onError(serverError(status.error))
    if (status.type === 'disconnect') this.#lose(`no connection to ${status.server}`)
    if (status.type === 'close') this.#lose('the connection is closed')
    if (status.type === 'reconnect') {
      this.connected = true
      this.detail = connectedTo(nc)
    }
  }

  #lose(detail: string): void {
    this.connected = false
    this.detail = detail
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

/** One state for each connection, however many parts of a service share it. */
const states = new WeakMap<NatsConnection, ConnectionState>()

/** Begins to follow a connection, as soon as it is made. */
export function followConnection(nc: NatsConnection, options: StateOptions): void {
  states.set(nc, new ConnectionState(nc, options))
}

/** What is known of a connection that `connectBus` made. */
export function connectionState(nc: NatsConnection): ConnectionState {
  const state = states.get(nc)
  assert(state, 'the connection was made by connectBus')
  return state
}

/** A check for readiness: whether the connection is up now. */
export function busHealth(nc: NatsConnection): () => BusHealth {
  const state = connectionState(nc)
  return () => ({ ok: state.connected, detail: state.detail })
}

function connectedTo(nc: NatsConnection): string {
  return `connected to ${nc.getServer()}`
}

function serverError(cause: Error): BusError {
  const code =
    cause instanceof errors.PermissionViolationError
      ? BusErrorCode.forbidden
      : BusErrorCode.disconnected
  return new BusError(code, `the nats-server says: ${cause.message}`, { cause })
}
