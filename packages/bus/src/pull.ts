import { inboxPrefix, type Role, streamApi } from '@verdict/contract'
import { createInbox, type Msg, type NatsConnection } from 'nats'
import { settledWithin } from './bounded-wait.ts'
import { connectionState } from './connection-state.ts'
import { BusError, BusErrorCode } from './errors.ts'

/** An empty stream is asked again after this long. */
const PULL_EXPIRES_MS = 5_000
/** The server answers an empty pull at its end; silence beyond means that it was lost. */
const PULL_GRACE_MS = 2_000
/** What the server sent before it heard of the end arrives within this time. */
const PULL_DRAIN_TIMEOUT_MS = 1_000
const NS_PER_MS = 1_000_000

/** The codes by which JetStream ends a pull in order: nothing is left, or nothing came. */
const ENDED_IN_ORDER = [404, 408]
/** It ends one in order by what it says here, too: the next message is for the next pull. */
const FULL = /exceeds maxbytes/i

export interface PullOptions {
  readonly stream: string
  readonly durable: string
  readonly batchMax: number
  /** Bytes of all messages, more than the largest one has; default: without a bound of their own. */
  readonly bytesMax?: number
  readonly signal: AbortSignal
  /** The wait for the first message; default: PULL_EXPIRES_MS. */
  readonly expiresMs?: number
  /** Where the stream's management is had; default: that of DECISIONS. */
  readonly api?: (role: Role) => string
}

/**
 * The next messages of a consumer: what is there now, or the first to come within a while.
 * @throws {BusError} `consumer_missing`, `forbidden`, `timeout`, `disconnected`, `api_refused`
 */
export async function pull(nc: NatsConnection, options: PullOptions): Promise<Msg[]> {
  const { stream, durable, batchMax, bytesMax, signal, api = streamApi } = options
  const expiresMs = options.expiresMs ?? PULL_EXPIRES_MS
  const state = connectionState(nc)
  const inbox = createInbox(inboxPrefix(state.role))
  const messages: Msg[] = []
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>()
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error) {
        fail(new BusError(BusErrorCode.forbidden, 'this role cannot listen', { cause: error }))
      } else if (message.subject !== inbox) {
        messages.push(message)
        if (messages.length === batchMax) end()
      } else if (endsInOrder(message)) end()
      else fail(refusal(message, durable))
    },
  })
  const loss = state.loss()
  void loss.lost.then(() => fail(new BusError(BusErrorCode.disconnected, state.detail)))
  const timer = setTimeout(
    () => fail(new BusError(BusErrorCode.timeout, `consumer \`${durable}\` does not answer`)),
    expiresMs + PULL_GRACE_MS,
  )
  const stop = (): void => end()
  signal.addEventListener('abort', stop)
  const expires = expiresMs * NS_PER_MS
  // With both, the server sends what it has and ends the pull; only an empty one waits.
  const body = JSON.stringify({ batch: batchMax, max_bytes: bytesMax, expires, no_wait: true })
  const next = `${api(state.role)}.CONSUMER.MSG.NEXT.${stream}.${durable}`
  nc.publish(next, body, { reply: inbox })
  try {
    await ended
  } catch (error) {
    // What came before the fault is good: it is handled first, and the fault shows again.
    if (messages.length === 0) throw error
  } finally {
    clearTimeout(timer)
    loss.release()
    signal.removeEventListener('abort', stop)
    if (signal.aborted && state.connected) {
      await settledWithin(subscription.drain(), PULL_DRAIN_TIMEOUT_MS)
    }
    if (!subscription.isClosed()) subscription.unsubscribe()
  }
  return messages
}

function endsInOrder({ headers }: Msg): boolean {
  return ENDED_IN_ORDER.includes(headers?.code ?? 0) || FULL.test(headers?.description ?? '')
}

function refusal(message: Msg, durable: string): BusError {
  const code = message.headers?.code ?? 0
  const text = message.headers?.description || 'no reason given'
  if (code === 503 || /consumer deleted/i.test(text)) {
    const missing = `consumer \`${durable}\` is not there: provision it`
    return new BusError(BusErrorCode.consumerMissing, missing)
  }
  return new BusError(BusErrorCode.apiRefused, `consumer \`${durable}\`: ${code} ${text}`)
}
