import { headers, type Msg, type NatsConnection } from 'nats'
import { settledWithin } from './bounded-wait.ts'
import { BusError, BusErrorCode } from './errors.ts'

/**
 * How a service says that it could not answer (ADR-32 of NATS): 503 when it holds as many
 * requests as it may, 500 when its handler failed.
 */
export const FAULT_HEADERS = {
  code: 'Nats-Service-Error-Code',
  text: 'Nats-Service-Error',
} as const

/** Replies go to inboxes alone, and to where the server brings them to those of other accounts. */
const REPLY_PREFIX = /^(_INBOX|_R_)\./
/** Requests that wait, for each that runs. What is more is answered with 503 at once. */
const WAITING_PER_RUNNING = 4
/** The wait for the server to confirm the end of the subscription. */
const DRAIN_TIMEOUT_MS = 2_000

export interface ServeOptions {
  readonly subject: string
  /** Copies of the service with one queue share its requests. */
  readonly queue: string
  /** Handlers that run at the same time. */
  readonly concurrencyMax: number
  /** Must settle in a time of its own: nothing here ends it. */
  readonly handler: (payload: Uint8Array) => Promise<Uint8Array>
  /** Is told what the handler threw, and why the subscription ended where the server ended it. */
  readonly onError: (error: unknown) => void
}

export interface Serving {
  /** Takes no more requests, and resolves when those that were taken are answered. */
  drain(): Promise<void>
}

/** Answers requests on a subject, from the moment at which the server has read it: `nc.flush()`. */
export function serve(nc: NatsConnection, options: ServeOptions): Serving {
  const { subject, queue, concurrencyMax, handler, onError } = options
  const waiting: Msg[] = []
  const running = new Set<Promise<void>>()

  const answer = async (message: Msg): Promise<void> => {
    try {
      message.respond(await handler(message.data))
    } catch (error) {
      onError(error)
      fault(message, '500', 'the handler failed')
    }
  }
  const start = (message: Msg): void => {
    const run = answer(message).finally(() => {
      running.delete(run)
      const next = waiting.shift()
      if (next) start(next)
    })
    running.add(run)
  }
  const subscription = nc.subscribe(subject, {
    queue,
    callback: (error, message) => {
      if (error) {
        onError(
          new BusError(BusErrorCode.forbidden, `\`${subject}\` is not ours`, { cause: error }),
        )
      } else if (!REPLY_PREFIX.test(message.reply ?? '')) {
        // With any other reply subject a caller would make this service publish there for it.
        onError(new BusError(BusErrorCode.forbidden, `a request wants its reply elsewhere`))
      } else if (running.size < concurrencyMax) start(message)
      else if (waiting.length < concurrencyMax * WAITING_PER_RUNNING) waiting.push(message)
      else fault(message, '503', 'too many requests are waiting')
    },
  })
  return {
    async drain() {
      if (!subscription.isClosed()) await settledWithin(subscription.drain(), DRAIN_TIMEOUT_MS)
      while (running.size > 0) await Promise.all(running)
    },
  }
}

function fault(message: Msg, code: string, text: string): void {
  const told = headers()
  told.set(FAULT_HEADERS.code, code)
  told.set(FAULT_HEADERS.text, text)
  try {
    message.respond(new Uint8Array(), { headers: told })
  } catch {
    // The connection is closed: the caller's wait ends in its own time.
  }
}
