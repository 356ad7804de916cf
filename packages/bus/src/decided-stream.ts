import type { StreamConfig } from '@nats-io/jetstream'
import { DECIDED } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { declare, refuseWeakenedStream } from './declare.ts'
import { BusErrorCode } from './errors.ts'
import { askEvents } from './jetstream-api.ts'
import { PLAIN_STREAM } from './plain-stream.ts'
import {
  NS_PER_MS,
  type Settings,
  type StreamCapacity,
  settingDifferences,
} from './stream-declaration.ts'

/**
 * The settings of DECIDED. It loses its oldest events before it is ever full, acknowledges none, and
 * does not wait for the disk: who publishes to it is neither slowed nor failed by it.
 */
const INVARIANTS = {
  name: DECIDED.name,
  subjects: [...DECIDED.subjects],
  discard: 'old',
  ...PLAIN_STREAM,
  max_age: DECIDED.maxAgeMs * NS_PER_MS,
  max_msgs_per_subject: -1,
  max_msg_size: DECIDED.maxMessageBytes,
  deny_delete: true,
  deny_purge: true,
  no_ack: true,
  allow_direct: false,
  allow_rollup_hdrs: false,
} as const satisfies Partial<Record<keyof StreamConfig, unknown>>

/** Settings that it does not have: each would put in, leave out or change events. */
const ABSENT = ['mirror', 'sources', 'republish', 'subject_transform'] as const

/** The stream as it is created. A copy of the log need not be synced; a cluster has copies of it. */
export function decidedStream({ replicas, decidedBytes }: StreamCapacity): Settings {
  const persistence = replicas === 1 ? { persist_mode: 'async' } : {}
  const bytes = decidedBytes ?? DECIDED.maxBytes
  return { ...INVARIANTS, ...persistence, num_replicas: replicas, max_bytes: bytes }
}

/**
 * Declares the stream of what subscribers are told, as `provision` does.
 * @throws {BusError} `stream_weakened`, `api_refused`, or as `ask`
 */
export async function provisionDecided(
  nc: NatsConnection,
  capacity: StreamCapacity,
): Promise<void> {
  const declared = decidedStream(capacity)
  const stream = await declare({
    ask: (question, body) => askEvents(nc, question, body),
    missing: BusErrorCode.streamMissing,
    info: `STREAM.INFO.${DECIDED.name}`,
    create: `STREAM.CREATE.${DECIDED.name}`,
    body: declared,
  })
  refuseWeakenedStream(DECIDED.name, settingDifferences(stream.config, declared, ABSENT))
}
