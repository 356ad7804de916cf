import { JOURNAL_BATCH_BYTES_MAX } from './journal-line.ts'
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

/** Durable consumers of DECISIONS; copies of a reader share one. */
export const CONSUMERS = { audit: 'audit', telemetry: 'telemetry' } as const
export type ConsumerName = (typeof CONSUMERS)[keyof typeof CONSUMERS]

/** A batch that was not acknowledged after this long is delivered again. */
export const ACK_WAIT_MS = 10_000
/** Batches in flight to one consumer. */
export const ACK_PENDING_MAX = 64
