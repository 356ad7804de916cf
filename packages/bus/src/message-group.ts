import type { Msg } from 'nats'
import { parseDelivery } from './delivery.ts'

/** A group ends with the message that reaches this: its handler holds the process for so long. */
export const GROUP_BYTES_MAX = 1024 * 1024

export interface ConsumedMessage {
  readonly data: Uint8Array
  readonly subject: string
  /** It was delivered before, and perhaps handled; a server that was killed may not know. */
  readonly redelivered: boolean
  /** Its place in the stream. */
  readonly seq: number
}

/** The first of some messages, as many as are handled together. */
export function groupOf(messages: readonly Msg[]): readonly Msg[] {
  let bytes = 0
  for (const [index, { data }] of messages.entries()) {
    bytes += data.length
    if (bytes >= GROUP_BYTES_MAX) return messages.slice(0, index + 1)
  }
  return messages
}

/**
 * A message as it is handed on.
 * @param perhapsHandled it was in a group that failed, and is like one that is delivered again
 */
export function consumed(message: Msg, perhapsHandled = false): ConsumedMessage {
  const { deliveries, seq } = parseDelivery(message)
  const { data, subject } = message
  return { data, subject, seq, redelivered: perhapsHandled || deliveries > 1 }
}

/**
 * Has the server deliver the messages again, first of all and in this order, to whichever copy of
 * the reader asks next. This one asks after a pause, so a fault of its own does not make it spin.
 */
export function giveBack(messages: readonly Msg[]): false {
  for (const message of messages) message.respond('-NAK')
  return false
}
