import { eventsApi, policyApi, type Role, streamApi } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { connectionState } from './connection-state.ts'
import { BusError, BusErrorCode } from './errors.ts'
import { request } from './request.ts'

/** One request to JetStream's management. */
const API_TIMEOUT_MS = 5_000

/** Numbers that JetStream gives its errors. */
export const JETSTREAM_ERROR = {
  temporarilyUnavailable: 10008,
  consumerNotFound: 10014,
  storageTooSmall: 10047,
  messageNotFound: 10037,
  streamNotFound: 10059,
} as const

interface ApiAnswer {
  readonly error?: {
    readonly code: number
    readonly err_code?: number
    readonly description: string
  }
}

/** What is read of the answers to STREAM.INFO and CONSUMER.INFO. */
export interface Described {
  readonly config: Readonly<Record<string, unknown>>
  /** Messages that the consumer was not given yet; of consumers only. */
  readonly num_pending?: number
}

/**
 * Asks JetStream's management. The client's own manager is not used: it needs permissions beyond
 * the question.
 * @throws {BusError} `stream_missing`, `consumer_missing`, `api_refused`, or as `request`
 */
export async function askJetStream(
  nc: NatsConnection,
  question: string,
  body?: object,
): Promise<Described> {
  return await askApi<Described>(nc, { api: streamApi, question, body })
}

/** The same of the streams of bundles, pointers and data. */
export async function askPolicies<Answer>(
  nc: NatsConnection,
  question: string,
  body?: object,
): Promise<Answer> {
  return await askApi<Answer>(nc, { api: policyApi, question, body })
}

/** The same of the stream of what subscribers are told. */
export async function askEvents<Answer = Described>(
  nc: NatsConnection,
  question: string,
  body?: object,
): Promise<Answer> {
  return await askApi<Answer>(nc, { api: eventsApi, question, body })
}

interface Question {
  readonly api: (role: Role) => string
  readonly question: string
  readonly body: object | undefined
}

async function askApi<Answer>(
  nc: NatsConnection,
  { api, question, body }: Question,
): Promise<Answer> {
  const payload = new TextEncoder().encode(body === undefined ? '' : JSON.stringify(body))
  const subject = `${api(connectionState(nc).role)}.${question}`
  const reply = await request(nc, subject, payload, { timeoutMs: API_TIMEOUT_MS })
  const answer = reply.json<ApiAnswer & Answer>()
  if (answer.error) throw refused(question, answer.error)
  return answer
}

function refused(question: string, error: NonNullable<ApiAnswer['error']>): BusError {
  const errCode = error.err_code ?? 0
  if (errCode === JETSTREAM_ERROR.streamNotFound) {
    return missing(BusErrorCode.streamMissing, 'stream', question, errCode)
  }
  if (errCode === JETSTREAM_ERROR.consumerNotFound) {
    return missing(BusErrorCode.consumerMissing, 'consumer', question, errCode)
  }
  if (errCode === JETSTREAM_ERROR.storageTooSmall) {
    const what = `the server has no room for the stream of \`${question}\`: ${error.description}`
    const advice = 'give it a larger disk and `max_file_store`, or the stream fewer bytes'
    return new BusError(BusErrorCode.streamTooLarge, `${what}: ${advice}`, { errCode })
  }
  const message = `JetStream refused \`${question}\`: ${error.description}`
  return new BusError(BusErrorCode.apiRefused, message, { errCode })
}

function missing(code: BusErrorCode, what: string, question: string, errCode: number): BusError {
  return new BusError(code, `the ${what} of \`${question}\` is not there: provision it`, {
    errCode,
  })
}
