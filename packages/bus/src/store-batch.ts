import { DECISIONS } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { BusError, BusErrorCode } from './errors.ts'
import { type AskOptions, request } from './request.ts'

/** Where a batch is stored. */
export interface Stored {
  readonly stream: string
  readonly seq: number
}

/** JetStream's answer to a publish. */
interface PubAck {
  readonly stream?: string
  readonly seq?: number
  readonly duplicate?: boolean
  readonly error?: {
    readonly code: number
    readonly err_code?: number
    readonly description: string
  }
}

/**
 * Stores one batch in the stream DECISIONS. After `timeout` and `disconnected` it is unknown
 * whether it is stored: send it again, readers store each record once.
 * @throws {BusError} `store_refused`, `no_responders`, `timeout`, `disconnected`, `forbidden`,
 *   `too_large`
 */
export async function storeBatch(
  nc: NatsConnection,
  subject: string,
  payload: Uint8Array,
  options: AskOptions,
): Promise<Stored> {
  const reply = await request(nc, subject, payload, options)
  const ack = parseAck(reply.data)
  if (ack?.error) {
    const message = `the stream refused a batch on \`${subject}\`: ${ack.error.description}`
    throw new BusError(BusErrorCode.storeRefused, message, errCodeOf(ack.error))
  }
  // A batch carries no message id, so a stream that calls it a duplicate did not store it.
  if (ack?.stream !== DECISIONS.name || !Number.isSafeInteger(ack.seq) || ack.duplicate) {
    const message = `the acknowledgement of a batch on \`${subject}\` is not one of ${DECISIONS.name}`
    throw new BusError(BusErrorCode.storeRefused, message)
  }
  return { stream: ack.stream, seq: Number(ack.seq) }
}

function parseAck(bytes: Uint8Array): PubAck | undefined {
  try {
    const ack: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof ack === 'object' && ack !== null ? ack : undefined
  } catch {
    // What is no JSON is no acknowledgement: the caller refuses it as such.
    return undefined
  }
}

function errCodeOf(error: { readonly err_code?: number }): { errCode?: number } {
  return error.err_code === undefined ? {} : { errCode: error.err_code }
}
