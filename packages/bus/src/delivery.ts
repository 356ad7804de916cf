import type { Msg } from 'nats'
import { BusError, BusErrorCode } from './errors.ts'

/**
 * What JetStream tells of a message in its reply subject (format 1, which our server
 * configuration holds on to):
 *
 *     $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>
 */
const ACK_SUBJECT = /^\$JS\.ACK\.[^.]+\.[^.]+\.(\d+)\.(\d+)\.\d+\.\d+\.(\d+)$/

export interface Delivery {
  readonly deliveries: number
  readonly seq: number
  /** Messages behind this one. */
  readonly pending: number
}

/** @throws {BusError} `api_refused` */
export function parseDelivery({ reply = '' }: Pick<Msg, 'reply'>): Delivery {
  const [, deliveries, seq, pending] = ACK_SUBJECT.exec(reply) ?? []
  if (deliveries === undefined) {
    const message = `\`${reply}\` acknowledges no message: set js_ack_fc_v2 of the server to false`
    throw new BusError(BusErrorCode.apiRefused, message)
  }
  return { deliveries: Number(deliveries), seq: Number(seq), pending: Number(pending) }
}
