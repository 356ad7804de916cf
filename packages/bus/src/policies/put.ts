import { POLICY_BUNDLES, POLICY_DATA, POLICY_POINTERS, type PolicyStream } from '@verdict/contract'
import { headers, type MsgHdrs, type NatsConnection } from 'nats'
import { BusError, BusErrorCode } from '../errors.ts'
import { request } from '../request.ts'

/** One message to a store, until it is on disk. */
const PUT_TIMEOUT_MS = 10_000

/** What JetStream says where a store takes no more bytes, or somebody else wrote in between. */
const MAXIMUM_BYTES = 10077
const WRONG_LAST_SEQUENCE = [10071, 10164]
const RESOURCES_EXCEEDED = [10002, 10023, 10028, 10047]

const HINTS: Readonly<Record<PolicyStream['name'], string>> = {
  [POLICY_BUNDLES.name]: '`verdict policy prune` removes bundles that are not in force',
  [POLICY_POINTERS.name]: 'use fewer names of bundles',
  [POLICY_DATA.name]: '`verdict policy data delete` makes room',
}

export interface Put {
  readonly stream: PolicyStream
  readonly subject: string
  readonly data: Uint8Array
  /** The sequence of the message that this one replaces; 0 where there is to be none. */
  readonly after?: number
  readonly headers?: Readonly<Record<string, string>>
}

interface PubAck {
  readonly stream?: string
  readonly seq?: number
  readonly error?: { readonly err_code?: number; readonly description: string }
}

/**
 * Stores one message and returns its sequence.
 * @throws {BusError} `store_full`, `store_conflict`, `store_refused`, or as `ask`; after `timeout`
 *   and `disconnected` it is unknown whether it is stored
 */
export async function put(nc: NatsConnection, message: Put): Promise<number> {
  const { stream, subject, data } = message
  const options = { timeoutMs: PUT_TIMEOUT_MS, headers: headersOf(message) }
  const reply = await request(nc, subject, data, options)
  const ack = reply.json<PubAck>()
  if (ack.error) throw refusal(ack.error, message)
  if (ack.stream !== stream.name || !Number.isSafeInteger(ack.seq)) {
    const text = `the acknowledgement on \`${subject}\` is not one of \`${stream.name}\``
    throw new BusError(BusErrorCode.storeRefused, text)
  }
  return Number(ack.seq)
}

function headersOf({ stream, after, headers: more = {} }: Put): MsgHdrs {
  const told = headers()
  told.set('Nats-Expected-Stream', stream.name)
  if (after !== undefined) told.set('Nats-Expected-Last-Subject-Sequence', String(after))
  for (const [name, value] of Object.entries(more)) told.set(name, value)
  return told
}

function refusal(error: NonNullable<PubAck['error']>, { stream, subject }: Put): BusError {
  const errCode = error.err_code ?? 0
  if (errCode === MAXIMUM_BYTES || RESOURCES_EXCEEDED.includes(errCode)) {
    const message = `\`${stream.name}\` is full, nothing of it was changed: ${HINTS[stream.name]}`
    return new BusError(BusErrorCode.storeFull, message, { errCode })
  }
  if (WRONG_LAST_SEQUENCE.includes(errCode)) {
    const message = `\`${subject}\` was changed by somebody else: look at it and try again`
    return new BusError(BusErrorCode.storeConflict, message, { errCode })
  }
  const message = `the store \`${stream.name}\` refused \`${subject}\`: ${error.description}`
  return new BusError(BusErrorCode.storeRefused, message, { errCode })
}
