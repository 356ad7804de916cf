import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { ACK_PENDING_MAX, messageOf } from '@verdict/contract'
import type { Msg, NatsConnection } from 'nats'
import { pause, settledWithin } from './bounded-wait.ts'
import { type BusHealth, connectionState } from './connection-state.ts'
import { parseDelivery } from './delivery.ts'
import { askJetStream } from './jetstream-api.ts'
import { type ConsumedMessage, consumed, giveBack, groupOf } from './message-group.ts'
import { pull } from './pull.ts'

export type { ConsumedMessage } from './message-group.ts'

/** Messages of one pull; they are in memory until they are handled. */
export const DEFAULT_BATCH_MAX = 16
/** The same, where they are handled in groups: half of what the server has in flight. */
export const GROUPED_BATCH_MAX = ACK_PENDING_MAX / 2
/** Bytes of such a pull: what does not fit is in the next one. */
export const GROUPED_BATCH_BYTES_MAX = 4 * 1024 * 1024
/** After a fault the consumer is asked again, at first soon, then at this pace for ever. */
const RETRY_PAUSE_MIN_MS = 100
const RETRY_PAUSE_MAX_MS = 2_000
/** The wait for the last acknowledgements to leave. */
const FLUSH_TIMEOUT_MS = 1_000

export interface ConsumeOptions {
  readonly stream: string
  readonly durable: string
  /**
   * A message is acknowledged when this resolves, and delivered again when it rejects, or when a
   * whole pull takes longer than ACK_WAIT_MS.
   */
  readonly handler: (message: ConsumedMessage) => Promise<void>
  /**
   * Is given the messages that are there together, up to GROUP_BYTES_MAX, so that they can share
   * what costs much, such as a sync. All of them are acknowledged when it resolves; when it rejects
   * each is given to `handler`, by itself and in order, as if there had been no group.
   */
  readonly groupHandler?: (messages: readonly ConsumedMessage[]) => Promise<void>
  /** Messages of one pull. Default 16, with a handler of groups GROUPED_BATCH_MAX. */
  readonly batchMax?: number
  /** Is told a fault once, however often the same one shows again. */
  readonly onError: (error: unknown) => void
  /** Ends the loop after the message that is being handled. */
  readonly signal: AbortSignal
}

export interface Consumption {
  /** Resolves when the loop has ended. */
  readonly done: Promise<void>
  health(): BusHealth
  /** Messages that wait in the stream, as last told; undefined until the consumer was reached. */
  pending(): number | undefined
}

/**
 * Hands the messages of a durable consumer to a handler, one at a time and in order, for as long
 * as it may: through restarts of the server, a consumer that is missing, a handler that fails.
 */
export function consume(nc: NatsConnection, options: ConsumeOptions): Consumption {
  const loop = new ConsumeLoop(nc, options)
  const done = loop.run()
  return { done, health: () => loop.health, pending: () => loop.pending }
}

class ConsumeLoop {
  pending: number | undefined
  readonly #nc: NatsConnection
  readonly #options: ConsumeOptions
  #bound: boolean = false
  #fault: string | undefined
  #handlerFault: string | undefined

  constructor(nc: NatsConnection, options: ConsumeOptions) {
    this.#nc = nc
    this.#options = options
  }

  get health(): BusHealth {
    const { connected, detail } = connectionState(this.#nc)
    if (!connected) return { ok: false, detail }
    const fault = this.#fault ?? this.#handlerFault
    if (fault !== undefined) return { ok: false, detail: fault }
    const { stream, durable } = this.#options
    if (!this.#bound) return { ok: false, detail: `looking for consumer \`${durable}\`` }
    return { ok: true, detail: `reading \`${stream}\` as \`${durable}\`` }
  }

  async run(): Promise<void> {
    const { signal } = this.#options
    let pauseMs = RETRY_PAUSE_MIN_MS
    while (!signal.aborted) {
      const wentWell = await this.#round()
      if (wentWell) pauseMs = RETRY_PAUSE_MIN_MS
      else {
        await pause(pauseMs, signal)
        pauseMs = Math.min(pauseMs * 2, RETRY_PAUSE_MAX_MS)
      }
    }
    if (connectionState(this.#nc).connected) await settledWithin(this.#nc.flush(), FLUSH_TIMEOUT_MS)
  }

  /** One pull and all that it brought; false when there was a fault. */
  async #round(): Promise<boolean> {
    try {
      if (!this.#bound) await this.#bind()
      const messages = await pull(this.#nc, { ...this.#options, ...this.#batchBounds })
      if (messages.length === 0) this.pending = 0
      this.#fault = undefined
      return await this.#handleAll(messages)
    } catch (error) {
      this.#bound = false
      const text = messageOf(error)
      if (text !== this.#fault) this.#options.onError(error)
      this.#fault = text
      return false
    }
  }

  get #batchBounds(): { batchMax: number; bytesMax?: number } {
    const { batchMax, groupHandler } = this.#options
    if (groupHandler === undefined) return { batchMax: batchMax ?? DEFAULT_BATCH_MAX }
    return { batchMax: batchMax ?? GROUPED_BATCH_MAX, bytesMax: GROUPED_BATCH_BYTES_MAX }
  }

  /** Tells at once whether the consumer is there; an empty pull would tell after seconds. */
  async #bind(): Promise<void> {
    const { stream, durable } = this.#options
    const info = await askJetStream(this.#nc, `CONSUMER.INFO.${stream}.${durable}`)
    this.pending = info.num_pending
    this.#fault = undefined
    this.#bound = true
  }

  async #handleAll(messages: readonly Msg[]): Promise<boolean> {
    for (let at = 0; at < messages.length; ) {
      const rest = messages.slice(at)
      const group = this.#options.groupHandler ? groupOf(rest) : rest.slice(0, 1)
      const together = group.length > 1 && (await this.#handledTogether(group))
      const left = messages.length - at - group.length
      if (together) this.#acknowledge(group, left)
      else {
        const failedAt = await this.#handleEach(group, left)
        if (failedAt !== undefined) return giveBack(messages.slice(at + failedAt))
      }
      at += group.length
      // Whoever answers questions in this process has its turn.
      await yieldToOthers()
    }
    return true
  }

  /** Who of them is at fault is found out one by one. */
  async #handledTogether(group: readonly Msg[]): Promise<boolean> {
    if (this.#options.signal.aborted) return false
    try {
      await this.#options.groupHandler?.(group.map((message) => consumed(message)))
      return true
    } catch {
      return false
    }
  }

  /** Tells which of them was not handled, and with it all behind it. */
  async #handleEach(group: readonly Msg[], left: number): Promise<number | undefined> {
    for (const [index, message] of group.entries()) {
      if (this.#options.signal.aborted) return index
      try {
        await this.#options.handler(consumed(message, group.length > 1))
        this.#acknowledge([message], left + group.length - index - 1)
      } catch (error) {
        const text = `message ${parseDelivery(message).seq}: ${messageOf(error)}`
        if (text !== this.#handlerFault) this.#options.onError(error)
        this.#handlerFault = text
        return index
      }
    }
    return undefined
  }

  #acknowledge(messages: readonly Msg[], left: number): void {
    for (const message of messages) {
      message.respond('+ACK')
      this.pending = parseDelivery(message).pending + left
    }
    this.#handlerFault = undefined
  }
}
