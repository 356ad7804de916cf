import { DECIDED_HEADERS, isDecision, type JournalRecord } from '@verdict/contract'
import { headers, type MsgHdrs } from 'nats'

/** What happened, as CloudEvents name it. */
export const EVENT_TYPE = {
  decision: 'dev.verdict.decision.v1',
  /** Something of a decision point that is no decision, such as that a bundle came into force. */
  event: 'dev.verdict.event.v1',
} as const

/** A record of a journal that is in the log, and where. */
export interface Logged {
  readonly record: JournalRecord
  /** Its number among the records of the log, from 1. */
  readonly index: number
  /** The index of its leaf, from 0, and the log or shard that the leaf is in. */
  readonly leaf: number
  readonly origin: string
  /** Its chain hash. */
  readonly hash: string
}

const TRACE_ID = /^(?!0+$)[0-9a-f]{32}$/
/** What CloudEvents take in the value of a header; everything else is percent-encoded. */
const NOT_PLAIN = /[^\x21\x23\x24\x26-\x7e]/u
const NOT_PLAIN_ALL = /[^\x21\x23\x24\x26-\x7e]/gu

/**
 * The headers of an event: CloudEvents 1.0 in the binary mode of the NATS binding, W3C trace
 * context, and the place in the log. The client of NATS looks through all headers for each one that
 * is set, which costs more than all the rest of an event: they are written as one text here.
 */
export function eventHeaders(logged: Logged): MsgHdrs {
  const text = headerText(logged)
  return Object.assign(headers(), { encode: () => encoder.encode(text) })
}

const encoder = new TextEncoder()

function headerText({ record, index, leaf, origin, hash }: Logged): string {
  const { id, instance, time } = record
  const [type, subject, traceId] = isDecision(record)
    ? [EVENT_TYPE.decision, subjectOf(record.destination), record.request.traceId]
    : [EVENT_TYPE.event, '', undefined]
  return (
    'NATS/1.0\r\n' +
    'ce-specversion: 1.0\r\n' +
    `ce-type: ${type}\r\n` +
    `ce-source: /verdict/authz/${headerValue(instance)}\r\n` +
    `ce-id: ${headerValue(id)}\r\n` +
    `ce-time: ${headerValue(time)}\r\n` +
    (subject === '' ? '' : `ce-subject: ${headerValue(subject)}\r\n`) +
    'ce-datacontenttype: application/json\r\n' +
    'content-type: application/json\r\n' +
    traceParent(traceId, id) +
    `${DECIDED_HEADERS.index}: ${index}\r\n` +
    `${DECIDED_HEADERS.hash}: ${hash}\r\n` +
    `${DECIDED_HEADERS.leaf}: ${origin} ${leaf}\r\n\r\n`
  )
}

function subjectOf({ namespace, service }: { namespace?: string; service: string }): string {
  return namespace === undefined ? service : `${namespace}/${service}`
}

/** The decision is a span of its caller's trace, named by the random part of its id. */
function traceParent(traceId: string | undefined, id: string): string {
  if (traceId === undefined || !TRACE_ID.test(traceId)) return ''
  return `traceparent: 00-${traceId}-${id.slice(19, 23)}${id.slice(24)}-01\r\n`
}

function headerValue(text: string): string {
  return NOT_PLAIN.test(text) ? text.replace(NOT_PLAIN_ALL, percentEncoded) : text
}

function percentEncoded(character: string): string {
  return Buffer.from(character)
    .toString('hex')
    .replace(/../g, (byte) => `%${byte.toUpperCase()}`)
}
