import type { ConsumerConfig, StreamConfig } from '@nats-io/jetstream'
import {
  ACK_PENDING_MAX,
  ACK_WAIT_MS,
  type ConsumerName,
  DECISIONS,
  type PolicyStream,
} from '@verdict/contract'
import { PLAIN_STREAM } from './plain-stream.ts'

export const NS_PER_MS = 1_000_000

/** What differs between an embedded server and a cluster. */
export interface StreamCapacity {
  /** 1, or 3 in a cluster of three servers. */
  readonly replicas: number
  /** The stream takes no batch beyond this. */
  readonly maxBytes: number
  /** What DECIDED keeps; default: as the contract says. */
  readonly decidedBytes?: number
  /** The same of the stores of bundles, pointers and data; default: as the contract says. */
  readonly policyBytes?: Readonly<Partial<Record<PolicyStream['name'], number>>>
}

/** The settings that keep the stream what it is: each is verified, and none may differ. */
const DECISIONS_INVARIANTS = {
  name: DECISIONS.name,
  subjects: [...DECISIONS.subjects],
  discard: 'new',
  ...PLAIN_STREAM,
  discard_new_per_subject: false,
  max_age: DECISIONS.maxAgeMs * NS_PER_MS,
  max_msgs_per_subject: -1,
  max_msg_size: DECISIONS.maxMessageBytes,
  deny_delete: true,
  deny_purge: true,
  no_ack: false,
  allow_direct: false,
  allow_rollup_hdrs: false,
} as const satisfies Partial<Record<keyof StreamConfig, unknown>>

/** Settings that no stream of ours has: each would put in, leave out or change messages. */
const ABSENT = ['mirror', 'sources', 'republish', 'subject_transform', 'persist_mode'] as const

export type Settings = Readonly<Record<string, unknown>>

/** The stream DECISIONS as it is created. */
export function decisionsStream({ replicas, maxBytes }: StreamCapacity): Settings {
  return { ...DECISIONS_INVARIANTS, num_replicas: replicas, max_bytes: maxBytes }
}

/** A durable consumer of DECISIONS as it is created. */
export function decisionsConsumer(name: ConsumerName): Settings {
  return {
    name,
    durable_name: name,
    ack_policy: 'explicit',
    ack_wait: ACK_WAIT_MS * NS_PER_MS,
    max_ack_pending: ACK_PENDING_MAX,
    max_deliver: -1,
    deliver_policy: 'all',
    replay_policy: 'instant',
  } satisfies Partial<Record<keyof ConsumerConfig, unknown>>
}

/** The settings of DECISIONS that are not as declared, as sentences; capacity where it is given. */
export function streamDifferences(actual: Settings, capacity?: StreamCapacity): string[] {
  const declared = capacity ? decisionsStream(capacity) : DECISIONS_INVARIANTS
  return settingDifferences(actual, declared, ABSENT)
}

/** The settings of any stream that are not as declared. All of ours are bounded. */
export function settingDifferences(
  actual: Settings,
  declared: Settings,
  absent: readonly string[],
): string[] {
  const found = differences(actual, declared)
  for (const name of absent) {
    const value = actual[name]
    if (value !== undefined && value !== null && value !== '' && value !== 'default') {
      found.push(`${name} is ${JSON.stringify(value)}, not absent`)
    }
  }
  if (!('max_bytes' in declared) && !(Number(actual['max_bytes']) > 0)) {
    found.push('max_bytes is not set')
  }
  return found
}

/** The settings of a consumer that are not as declared, as sentences. */
export function consumerDifferences(actual: Settings, name: ConsumerName): string[] {
  const found = differences(actual, decisionsConsumer(name))
  for (const filter of ['filter_subject', 'filter_subjects', 'deliver_subject', 'pause_until']) {
    if (actual[filter]) found.push(`${filter} is ${JSON.stringify(actual[filter])}, not absent`)
  }
  return found
}

/** The server leaves out what is false or 0. */
export function differences(actual: Settings, declared: Settings): string[] {
  return Object.entries(declared).flatMap(([name, value]) => {
    const has = actual[name] ?? (typeof value === 'boolean' ? false : undefined)
    if (JSON.stringify(has) === JSON.stringify(value)) return []
    const is = has === undefined ? 'absent' : JSON.stringify(has)
    return [`${name} is ${is}, not ${JSON.stringify(value)}`]
  })
}
