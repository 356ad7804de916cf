import { inboxPrefix, type PolicyStream, policyApi } from '@verdict/contract'
import { createInbox, type Msg, type NatsConnection } from 'nats'
import { connectionState } from '../connection-state.ts'
import { BusError, BusErrorCode } from '../errors.ts'
import { askPolicies, JETSTREAM_ERROR } from '../jetstream-api.ts'

/** Messages of one answer, and about as many bytes: the server ends it behind the first beyond. */
const BATCH_MESSAGES = 512
const BATCH_BYTES = 2 * 1024 * 1024
/** Silence for this long within an answer means that the rest was lost. */
const BATCH_SILENCE_MS = 5_000
/** How the server ends an answer in order: there was no such message, or there is no more. */
const ENDED_IN_ORDER = [204, 404]

/** One message of a store, with its place in it. */
export interface StoredMessage {
  readonly subject: string
  readonly seq: number
  readonly data: Uint8Array
  /** The key was deleted by this message. */
  readonly deleted: boolean
}

export interface Place {
  readonly stream: PolicyStream
  /** Only messages on this subject. */
  readonly subject: string
  /** The first that may come. */
  readonly seq: number
}

/** The last message on a subject, as the stream's leader has it. */
export async function lastMessage(
  nc: NatsConnection,
  stream: PolicyStream,
  subject: string,
): Promise<StoredMessage | undefined> {
  return await askLeader(nc, stream, { last_by_subj: subject })
}

/** The next message on a subject, as the stream's leader has it. */
export async function nextMessage(
  nc: NatsConnection,
  { stream, subject, seq }: Place,
): Promise<StoredMessage | undefined> {
  return await askLeader(nc, stream, { seq, next_by_subj: subject })
}

interface LeaderAnswer {
  readonly message: {
    readonly subject: string
    readonly seq: number
    readonly data?: string
    readonly hdrs?: string
  }
}

async function askLeader(
  nc: NatsConnection,
  stream: PolicyStream,
  body: object,
): Promise<StoredMessage | undefined> {
  try {
    const question = `STREAM.MSG.GET.${stream.name}`
    const { message } = await askPolicies<LeaderAnswer>(nc, question, body)
    const { subject, seq, data = '', hdrs = '' } = message
    const operation = /^KV-Operation: *(\w+)\r$/m.exec(Buffer.from(hdrs, 'base64').toString())?.[1]
    return { subject, seq, data: Buffer.from(data, 'base64'), deleted: isRemoval(operation) }
  } catch (error) {
    if (error instanceof BusError && error.errCode === JETSTREAM_ERROR.messageNotFound) return
    throw error
  }
}

/**
 * Hands on messages in order, many for one question. Any server that holds the stream answers,
 * also one that is behind: who has to know that there is no more asks `nextMessage`.
 * @returns how many there were
 * @throws {BusError} `disconnected`, `timeout`, `forbidden`, `api_refused`, `stream_missing`; what
 *   was handed on before is good
 */
export async function readMessages(
  nc: NatsConnection,
  { stream, subject, seq }: Place,
  onMessage: (message: StoredMessage) => void,
): Promise<number> {
  const state = connectionState(nc)
  const inbox = createInbox(inboxPrefix(state.role))
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>()
  let count = 0
  let last = 0
  const take = (message: Msg): void => {
    const code = message.headers?.code ?? 0
    if (code > 0) {
      if (!ENDED_IN_ORDER.includes(code)) throw refusal(message, stream)
      end()
      return
    }
    const stored = fromDirect(message)
    // Each tells which came before it, so that one that was lost shows.
    if (stored.seq < seq || number(message, 'Nats-Last-Sequence') !== last) {
      throw new BusError(BusErrorCode.timeout, `a message of \`${stream.name}\` was lost`)
    }
    last = stored.seq
    count += 1
    onMessage(stored)
  }
  const timer = setTimeout(() => {
    fail(new BusError(BusErrorCode.timeout, `\`${stream.name}\` does not answer`))
  }, BATCH_SILENCE_MS)
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (subscription.isClosed()) return
      timer.refresh()
      try {
        if (error) throw forbidden(error)
        take(message)
      } catch (thrown) {
        // What comes behind a fault is not handed on any more: the order would be lost.
        subscription.unsubscribe()
        fail(thrown)
      }
    },
  })
  const loss = state.loss()
  void loss.lost.then(() => fail(new BusError(BusErrorCode.disconnected, state.detail)))
  const body = { seq, next_by_subj: subject, batch: BATCH_MESSAGES, max_bytes: BATCH_BYTES }
  const question = `${policyApi(state.role)}.DIRECT.GET.${stream.name}`
  try {
    if (state.connected) nc.publish(question, JSON.stringify(body), { reply: inbox })
    await ended
    return count
  } finally {
    clearTimeout(timer)
    loss.release()
    if (!subscription.isClosed()) subscription.unsubscribe()
  }
}

/** The server writes its own headers behind those with which a message was stored. */
function fromDirect(message: Msg): StoredMessage {
  const { headers, data } = message
  return {
    subject: headers?.last('Nats-Subject') ?? '',
    seq: number(message, 'Nats-Sequence'),
    data,
    deleted: isRemoval(headers?.get('KV-Operation')),
  }
}

function number({ headers }: Msg, name: string): number {
  return Number(headers?.last(name) || Number.NaN)
}

function isRemoval(operation: string | undefined): boolean {
  return operation === 'DEL' || operation === 'PURGE'
}

function forbidden(cause: Error): BusError {
  return new BusError(BusErrorCode.forbidden, 'this role cannot listen', { cause })
}

function refusal({ headers }: Msg, { name }: PolicyStream): BusError {
  if (headers?.code === 503) {
    const message = `nobody answers for the stream \`${name}\`: provision it`
    return new BusError(BusErrorCode.streamMissing, message)
  }
  const text = `${headers?.code} ${headers?.description}`
  return new BusError(BusErrorCode.apiRefused, `\`${name}\` refused to be read: ${text}`)
}
