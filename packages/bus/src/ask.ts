import type { NatsConnection } from 'nats'
import { BusError, BusErrorCode } from './errors.ts'
import { type AskOptions, request } from './request.ts'
import { FAULT_HEADERS } from './serve.ts'

export type { AskOptions } from './request.ts'

/**
 * Asks a service and waits for its answer.
 * @throws {BusError} `no_responders`, `timeout`, `disconnected`, `forbidden`, `too_large`, and
 *   `overloaded` or `handler_failed` where the service itself says so
 */
export async function ask(
  nc: NatsConnection,
  subject: string,
  payload: Uint8Array,
  options: AskOptions,
): Promise<Uint8Array> {
  const reply = await request(nc, subject, payload, options)
  const fault = reply.headers?.get(FAULT_HEADERS.code)
  if (!fault) return reply.data
  const code = fault === '503' ? BusErrorCode.overloaded : BusErrorCode.handlerFailed
  const detail = reply.headers?.get(FAULT_HEADERS.text) ?? 'no reason given'
  throw new BusError(code, `the service behind \`${subject}\` did not answer: ${detail}`)
}
