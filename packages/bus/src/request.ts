import {
  createInbox,
  errors,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type RequestOptions,
} from 'nats'
import { connectionState } from './connection-state.ts'
import { BusError, BusErrorCode } from './errors.ts'

/** The server's `max_payload`: what is larger would cost the connection, so it is refused here. */
export const PAYLOAD_BYTES_MAX = 1024 * 1024

export interface AskOptions {
  /** The wait for the answer; there is no default, because every caller has a deadline. */
  readonly timeoutMs: number
  /** Where the answer is heard; default: the inbox of the role, which JetStream answers to, too. */
  readonly inbox?: string
}

/** One request with one reply, and every failure as a BusError. */
export async function request(
  nc: NatsConnection,
  subject: string,
  payload: Uint8Array,
  { timeoutMs, headers, inbox }: AskOptions & { headers?: MsgHdrs },
): Promise<Msg> {
  const state = connectionState(nc)
  if (!state.connected) throw disconnected(subject, state.detail)
  if (payload.length > PAYLOAD_BYTES_MAX) {
    throw new BusError(
      BusErrorCode.tooLarge,
      `${payload.length} bytes for \`${subject}\` are more than ${PAYLOAD_BYTES_MAX}: send less`,
    )
  }
  const loss = state.loss()
  try {
    const options: RequestOptions = { timeout: timeoutMs }
    if (headers) options.headers = headers
    if (inbox) Object.assign(options, { noMux: true, reply: createInbox(inbox) })
    const lost = loss.lost.then(() => {
      throw disconnected(subject, state.detail)
    })
    return await Promise.race([nc.request(subject, payload, options), lost])
  } catch (thrown) {
    throw toBusError(thrown, subject, timeoutMs)
  } finally {
    loss.release()
  }
}

function toBusError(thrown: unknown, subject: string, timeoutMs: number): BusError {
  if (thrown instanceof BusError) return thrown
  const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown
  if (cause instanceof errors.TimeoutError) {
    const message = `no answer on \`${subject}\` within ${timeoutMs} ms`
    return new BusError(BusErrorCode.timeout, message, { cause })
  }
  if (cause instanceof errors.NoRespondersError) {
    return new BusError(BusErrorCode.noResponders, `nobody answers on \`${subject}\``, { cause })
  }
  if (cause instanceof errors.PermissionViolationError) {
    const message = `the server does not let this role ${cause.operation} \`${cause.subject}\``
    return new BusError(BusErrorCode.forbidden, message, { cause })
  }
  const detail = cause instanceof Error ? cause.message : String(cause)
  return disconnected(subject, detail, cause)
}

function disconnected(subject: string, detail: string, cause?: unknown): BusError {
  const message = `nothing was answered on \`${subject}\`: ${detail}`
  return new BusError(BusErrorCode.disconnected, message, { cause })
}
