import { messageOf } from '@verdict/contract'
import type { Msg, NatsConnection } from 'nats'
import { pause, settledWithin } from './bounded-wait.ts'
import { type BusHealth, connectionState } from './connection-state.ts'
import { parseDelivery } from './delivery.ts'
import { askJetStream } from './jetstream-api.ts'
import { pull } from './pull.ts'

/** Messages of one pull; they are in memory until they are handled. */
export const DEFAULT_BATCH_MAX = 16
/** After a fault the consumer is asked again, at first soon, then at this pace for ever. */
const RETRY_PAUSE_MIN_MS = 100
const RETRY_PAUSE_MAX_MS = 2_000
/** The wait for the last acknowledgements to leave. */
const FLUSH_TIMEOUT_MS = 1_000

export interface ConsumedMessage {
  readonly data: Uint8Array
  readonly subject: string
  /** It was delivered before, and perhaps handled; a server that was killed may not know. */
  readonly redelivered: boolean
  /** Its place in the stream. */
  readonly seq: number
}

export interface ConsumeOptions {
  readonly stream: string
  readonly durable: string
  /**
   * A message is acknowledged when this resolves, and delivered again when it rejects, or when a
   * whole pull takes longer than ACK_WAIT_MS.
   */
  readonly handler: (message: ConsumedMessage) => Promise<void>
  /** Messages of one pull. Default 16. */
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
      const messages = await pull(this.#nc, { ...this.#options, batchMax: this.#batchMax })
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

  get #batchMax(): number {
    return this.#options.batchMax ?? DEFAULT_BATCH_MAX
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
    for (const [index, message] of messages.entries()) {
      if (this.#options.signal.aborted) return giveBack(messages.slice(index))
      const { deliveries, seq, pending } = parseDelivery(message)
      const { data, subject } = message
      try {
        await this.#options.handler({ data, subject, seq, redelivered: deliveries > 1 })
        message.respond('+ACK')
        this.pending = pending + messages.length - index - 1
        this.#handlerFault = undefined
      } catch (error) {
        const text = `message ${seq}: ${messageOf(error)}`
        if (text !== this.#handlerFault) this.#options.onError(error)
        this.#handlerFault = text
        return giveBack(messages.slice(index))
      }
    }
    return true
  }
}

/**
 * Has the server deliver the messages again, first of all and in this order, to whichever copy of
 * the reader asks next. This one asks after a pause, so a fault of its own does not make it spin.
 */
function giveBack(messages: readonly Msg[]): false {
  for (const message of messages) message.respond('-NAK')
  return false
}
