import { JOURNAL_BATCH_BYTES_MAX, JOURNAL_LINE_BYTES_MAX } from './journal-line.ts'
import { wildcards } from './subjects.ts'

const HOUR_MS = 3_600_000

/**
 * The stream that carries journals to their readers. It is transport, not the log: it keeps days
 * of replay, refuses new batches when it is full (the decision points keep them meanwhile), and
 * lets nobody delete or purge.
 */
export const DECISIONS = {
  name: 'DECISIONS',
  subjects: [wildcards.journal],
  maxAgeMs: 72 * HOUR_MS,
  /** What is not shipped stays in the journals: this bounds the disk of the server. */
  maxBytes: 4 * 1024 ** 3,
  maxMessageBytes: JOURNAL_BATCH_BYTES_MAX + 4096,
} as const

/**
 * What the servers say about DECISIONS, and about questions to JetStream: whoever listens to them
 * learns who has changed the stream.
 */
export const ADVISORIES = [
  `$JS.EVENT.ADVISORY.STREAM.*.${DECISIONS.name}`,
  `$JS.EVENT.ADVISORY.CONSUMER.*.${DECISIONS.name}.*`,
  '$JS.EVENT.ADVISORY.API',
] as const

/** Durable consumers of DECISIONS; copies of a reader share one. */
export const CONSUMERS = { audit: 'audit', telemetry: 'telemetry' } as const
export type ConsumerName = (typeof CONSUMERS)[keyof typeof CONSUMERS]

/** A batch that was not acknowledged after this long is delivered again. */
export const ACK_WAIT_MS = 10_000
/** Batches in flight to one consumer. */
export const ACK_PENDING_MAX = 64

const MIB = 1024 ** 2

/**
 * The stream that keeps what subscribers are told, for those who have a durable consumer. It is a
 * copy that forgets: the oldest makes room, and what is missing is read from the log.
 */
export const DECIDED = {
  name: 'DECIDED',
  subjects: [wildcards.decided],
  maxAgeMs: 72 * HOUR_MS,
  maxBytes: 1024 * MIB,
  /** A line of a journal and the headers of an event. */
  maxMessageBytes: JOURNAL_LINE_BYTES_MAX + 8192,
} as const

/** An event that a subscriber has not acknowledged after this long is delivered again. */
export const EVENT_ACK_WAIT_MS = 10_000
/** Events that a subscriber has in hand; it gets no more until it has acknowledged some. */
export const EVENTS_IN_HAND_MAX = 512
/** Requests of a subscriber that wait for events. */
export const EVENT_PULLS_MAX = 16

/**
 * Bundles: an object store of NATS, which names an archive by its SHA-256 in hexadecimal. Each of
 * the three stores below takes nothing beyond its bytes, and keeps what is there.
 */
export const POLICY_BUNDLES = {
  name: 'OBJ_verdict-bundles',
  bucket: 'verdict-bundles',
  subjects: ['$O.verdict-bundles.C.>', '$O.verdict-bundles.M.>'],
  maxBytes: 512 * MIB,
} as const

/** Pointers: a KV bucket of NATS, with the name of a bundle as key and a pointer's JWS as value. */
export const POLICY_POINTERS = {
  name: 'KV_verdict-pointers',
  bucket: 'verdict-pointers',
  subjects: ['$KV.verdict-pointers.>'],
  maxBytes: 8 * MIB,
  maxMessageBytes: 16 * 1024,
} as const

/** The policies' data: a KV bucket of NATS, with a path in `data` as key and JSON as value. */
export const POLICY_DATA = {
  name: 'KV_verdict-policy-data',
  bucket: 'verdict-policy-data',
  subjects: ['$KV.verdict-policy-data.>'],
  maxBytes: 256 * MIB,
  /** What a server takes in one message (1 MiB), less room for the subject and headers. */
  maxMessageBytes: MIB - 4096,
} as const

export const POLICY_STREAMS = [POLICY_BUNDLES, POLICY_POINTERS, POLICY_DATA] as const
export type PolicyStream = (typeof POLICY_STREAMS)[number]

/** The longest archive of a bundle that is stored. */
export const BUNDLE_BYTES_MAX = 64 * MIB
