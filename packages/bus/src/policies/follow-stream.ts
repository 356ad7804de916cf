import { messageOf, type PolicyStream } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { pause } from '../bounded-wait.ts'
import { connectionState } from '../connection-state.ts'
import { describePolicyStream } from './declaration.ts'
import { nextMessage, readMessages, type StoredMessage } from './stored-messages.ts'

/** News may be lost: the stream is looked at this often also without. */
const LOOK_INTERVAL_MS = 5_000
/** After a fault it is tried again, at first soon, then at this pace for ever. */
const RETRY_PAUSE_MIN_MS = 50
const RETRY_PAUSE_MAX_MS = 1_000

export interface Following {
  /** Resolves when all that is stored was handed on; never, where the stream can't be read. */
  readonly ready: Promise<void>
  /** Resolves when the signal has ended it. */
  readonly done: Promise<void>
}

export interface FollowOptions {
  readonly stream: PolicyStream
  /** The subject on which changes are announced. */
  readonly news: string
  readonly onMessage: (message: StoredMessage) => void
  /** What was handed on before is void: all that is stored follows. */
  readonly onReset: () => void
  /** All that is stored up to this sequence has been handed on. */
  readonly onCurrent: (seq: number) => void
  /** Is told a fault once, however often the same one shows again. */
  readonly onError: (error: unknown) => void
  readonly signal: AbortSignal
}

/**
 * Hands on each message of a store in the order of its sequence, those that are there and those to
 * come, through restarts of the server. Nothing leaves a store but by a successor on the same
 * subject, so who has read up to a sequence finds everything that changed behind it. News only
 * say that it is time to look, so that it does not matter who sent them, or whether one is lost.
 */
export function followStream(nc: NatsConnection, options: FollowOptions): Following {
  const follower = new StreamFollower(nc, options)
  const done = follower.run()
  return { ready: follower.ready.promise, done }
}

class StreamFollower {
  readonly ready = Promise.withResolvers<void>()
  readonly #nc: NatsConnection
  readonly #options: FollowOptions
  /** When the stream was created; another stream of the same name starts anew. */
  #created: string | undefined
  /** The last sequence that was handed on. */
  #seq = 0
  #looked = Number.NEGATIVE_INFINITY
  #fault: string | undefined
  #current = false
  /** How often it was said that something changed. */
  #told = 0
  #wake: () => void = () => {}

  constructor(nc: NatsConnection, options: FollowOptions) {
    this.#nc = nc
    this.#options = options
  }

  async run(): Promise<void> {
    const { news, signal, onError } = this.#options
    const subscription = this.#nc.subscribe(news, {
      callback: (error) => {
        if (error) onError(error)
        this.#told += 1
        this.#wake()
      },
    })
    const stop = (): void => this.#wake()
    signal.addEventListener('abort', stop)
    let pauseMs = RETRY_PAUSE_MIN_MS
    while (!signal.aborted) {
      const told = this.#told
      if (await this.#round()) {
        pauseMs = RETRY_PAUSE_MIN_MS
        await this.#idle(told)
      } else {
        await pause(pauseMs, signal)
        pauseMs = Math.min(pauseMs * 2, RETRY_PAUSE_MAX_MS)
      }
    }
    signal.removeEventListener('abort', stop)
    if (!subscription.isClosed()) subscription.unsubscribe()
  }

  /**
   * Looks what changed. The server has read the subscription before any question of ours, so that
   * what is stored behind the answer is announced. False when there was a fault.
   */
  async #round(): Promise<boolean> {
    const before = this.#seq
    try {
      if (performance.now() - this.#looked >= LOOK_INTERVAL_MS) await this.#look()
      await this.#catchUp()
      this.#fault = undefined
    } catch (error) {
      this.#looked = Number.NEGATIVE_INFINITY
      const text = messageOf(error)
      if (text !== this.#fault && !this.#options.signal.aborted) this.#options.onError(error)
      this.#fault = text
      return false
    }
    // It was perhaps ended half-way.
    if (this.#options.signal.aborted) return true
    const hasNews = this.#seq !== before || !this.#current
    if (hasNews) this.#guard(() => this.#options.onCurrent(this.#seq))
    this.#current = true
    this.ready.resolve()
    return true
  }

  /** Whether it is still the stream that was read, and as it was declared. */
  async #look(): Promise<void> {
    const { created, lastSeq } = await describePolicyStream(this.#nc, this.#options.stream)
    if (created !== this.#created || lastSeq < this.#seq) {
      this.#created = created
      this.#seq = 0
      this.#current = false
      this.#guard(this.#options.onReset)
    }
    this.#looked = performance.now()
  }

  async #catchUp(): Promise<void> {
    const { stream, signal } = this.#options
    const take = (message: StoredMessage): void => {
      this.#seq = message.seq
      this.#guard(() => this.#options.onMessage(message))
    }
    while (!signal.aborted) {
      const from = { stream, subject: '>', seq: this.#seq + 1 }
      if ((await readMessages(this.#nc, from, take)) > 0) continue
      // That was perhaps a server which is behind. What the leader has is all there is.
      const next = await nextMessage(this.#nc, { ...from, seq: this.#seq + 1 })
      if (next === undefined) return
      take(next)
    }
  }

  /** Until there is something to do: news, a connection that was lost, the next look, the end. */
  async #idle(told: number): Promise<void> {
    if (this.#told !== told || this.#options.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const loss = connectionState(this.#nc).loss()
    void loss.lost.then(() => {
      this.#looked = Number.NEGATIVE_INFINITY
      resolve()
    })
    const timer = setTimeout(resolve, LOOK_INTERVAL_MS)
    await promise
    clearTimeout(timer)
    loss.release()
  }

  /** A handler that throws does not end the following. */
  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#options.onError(error)
    }
  }
}
