import { DECIDED, DECIDED_HEADERS, eventsApi } from '@verdict/contract'
import type { Msg, NatsConnection } from 'nats'
import { connectBus } from './connect.ts'
import { parseDelivery } from './delivery.ts'
import { pull } from './pull.ts'

export interface ConnectSubscriberOptions {
  readonly url: string
  /** Holds the seed that `verdict subscriber add` made. */
  readonly seedFile: string
  readonly name: string
  readonly connectTimeoutMs?: number
  readonly signal?: AbortSignal
  readonly onError?: (error: unknown) => void
}

/** An event as it came: what it says is to be verified. */
export interface ReceivedEvent {
  readonly subject: string
  /** Its place in the stream, which is the broker's word. */
  readonly seq: number
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Of its leaf, as its headers say. */
  readonly origin: string
  readonly leaf: number
  readonly hash: string
  readonly json: string
  /** It is not delivered again. */
  acknowledge(): void
  /** It is delivered again at once. */
  giveBack(): void
  /** It is not delivered again for EVENT_ACK_WAIT_MS from now. */
  keep(): void
}

/** Connects with the key of a subscriber. @throws {BusError} as `connectBus` */
export async function connectSubscriber({
  name,
  ...options
}: ConnectSubscriberOptions): Promise<NatsConnection> {
  return await connectBus({ ...options, name: `subscriber ${name}`, role: 'subscriber' })
}

export interface PullEventsOptions {
  /** Of the subscriber. */
  readonly name: string
  readonly batchMax: number
  /** The wait for the first event; default: some seconds. */
  readonly expiresMs?: number
  readonly signal: AbortSignal
}

/**
 * The next events of a subscriber's own consumer, in the order of the stream; none where nothing has
 * come within seconds.
 * @throws {BusError} as `pull`
 */
export async function pullEvents(
  nc: NatsConnection,
  { name, ...options }: PullEventsOptions,
): Promise<ReceivedEvent[]> {
  const consumer = { stream: DECIDED.name, durable: name, api: eventsApi }
  const events = (await pull(nc, { ...consumer, ...options })).map(readEvent)
  return events.toSorted((a, b) => a.seq - b.seq)
}

const LEAF = /^(\S+) (\d{1,15})$/

function readEvent(message: Msg): ReceivedEvent {
  const given = [...(message.headers ?? [])].map(([name, [value = '']]) => [name, value] as const)
  const headers: Record<string, string | undefined> = Object.fromEntries(given)
  const [, origin = '', leaf = '-1'] = LEAF.exec(headers[DECIDED_HEADERS.leaf] ?? '') ?? []
  return {
    subject: message.subject,
    seq: parseDelivery(message).seq,
    headers,
    origin,
    leaf: Number(leaf),
    hash: headers[DECIDED_HEADERS.hash] ?? '',
    json: Buffer.from(message.data).toString('utf8'),
    acknowledge: () => void message.respond('+ACK'),
    giveBack: () => void message.respond('-NAK'),
    keep: () => void message.respond('+WPI'),
  }
}
