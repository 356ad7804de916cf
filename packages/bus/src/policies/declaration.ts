import type { StreamConfig } from '@nats-io/jetstream'
import {
  POLICY_BUNDLES,
  POLICY_DATA,
  POLICY_POINTERS,
  POLICY_STREAMS,
  type PolicyStream,
  wildcards,
} from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { declare, refuseWeakenedStream } from '../declare.ts'
import { BusErrorCode } from '../errors.ts'
import { askPolicies, type Described } from '../jetstream-api.ts'
import { PLAIN_STREAM } from '../plain-stream.ts'
import { type Settings, type StreamCapacity, settingDifferences } from '../stream-declaration.ts'

/** What all stores have in common: nothing expires, and what does not fit is refused. */
const KEPT = {
  discard: 'new',
  ...PLAIN_STREAM,
  discard_new_per_subject: false,
  max_age: 0,
  no_ack: false,
  allow_direct: true,
} as const satisfies Partial<Record<keyof StreamConfig, unknown>>

/**
 * A KV bucket in which a key's value is replaced by its successor and nothing else: neither
 * deleted, purged nor rolled up. So whoever has read up to a sequence misses nothing behind it.
 */
const BUCKET = {
  max_msgs_per_subject: 1,
  deny_delete: true,
  deny_purge: true,
  allow_rollup_hdrs: false,
} as const

/** An object store; its readers verify what they read by its name. */
const OBJECTS = {
  max_msgs_per_subject: -1,
  max_msg_size: -1,
  deny_delete: false,
  deny_purge: false,
  allow_rollup_hdrs: true,
} as const

const INVARIANTS: Readonly<Record<PolicyStream['name'], Settings>> = {
  [POLICY_BUNDLES.name]: { ...named(POLICY_BUNDLES), ...KEPT, ...OBJECTS },
  [POLICY_POINTERS.name]: {
    ...named(POLICY_POINTERS),
    ...KEPT,
    ...BUCKET,
    max_msg_size: POLICY_POINTERS.maxMessageBytes,
    republish: announcing(POLICY_POINTERS, wildcards.pointerNews),
  },
  [POLICY_DATA.name]: {
    ...named(POLICY_DATA),
    ...KEPT,
    ...BUCKET,
    max_msg_size: POLICY_DATA.maxMessageBytes,
    republish: announcing(POLICY_DATA, wildcards.dataNews),
  },
}

/** Settings that no store has: each would put in, leave out or change messages. */
const ABSENT = ['mirror', 'sources', 'subject_transform', 'persist_mode'] as const

/**
 * Declares the stores of the policies, as `provision` does.
 * @throws {BusError} `stream_weakened`, `api_refused`, or as `ask`
 */
export async function provisionPolicies(
  nc: NatsConnection,
  { replicas, policyBytes = {} }: StreamCapacity,
): Promise<void> {
  for (const { name, maxBytes } of POLICY_STREAMS) {
    const declared = {
      ...INVARIANTS[name],
      num_replicas: replicas,
      max_bytes: policyBytes[name] ?? maxBytes,
    }
    const stream = await declare({
      ask: (question, body) => askPolicies<Described>(nc, question, body),
      missing: BusErrorCode.streamMissing,
      info: `STREAM.INFO.${name}`,
      create: `STREAM.CREATE.${name}`,
      body: declared,
    })
    refuseWeakenedStream(name, differences(stream.config, declared))
  }
}

/**
 * Verifies that the stores are what was declared, whoever set them up.
 * @throws {BusError} `stream_weakened`, `stream_missing`, or as `ask`
 */
export async function verifyPolicyStores(nc: NatsConnection): Promise<void> {
  for (const stream of POLICY_STREAMS) await describePolicyStream(nc, stream)
}

/** Which stream it is, and how far it goes. */
export interface StreamPlace {
  readonly created: string
  readonly lastSeq: number
}

/** @throws {BusError} `stream_weakened`, `stream_missing`, or as `ask` */
export async function describePolicyStream(
  nc: NatsConnection,
  { name }: PolicyStream,
): Promise<StreamPlace> {
  const info = await askPolicies<StreamInfo>(nc, `STREAM.INFO.${name}`)
  refuseWeakenedStream(name, differences(info.config, INVARIANTS[name]))
  return { created: info.created, lastSeq: info.state.last_seq }
}

interface StreamInfo extends Described {
  readonly created: string
  readonly state: { readonly last_seq: number }
}

function named({ name, subjects }: PolicyStream): Settings {
  return { name, subjects: [...subjects] }
}

/** Each change is announced without its value: the news only say that it is time to look. */
function announcing({ subjects: [src] }: PolicyStream, dest: string): Settings {
  return { src, dest, headers_only: true }
}

function differences(actual: Settings, declared: Settings): string[] {
  const absent = 'republish' in declared ? ABSENT : [...ABSENT, 'republish']
  return settingDifferences(actual, declared, absent)
}
