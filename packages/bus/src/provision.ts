import { CONSUMERS, type ConsumerName, DECISIONS } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { provisionDecided } from './decided-stream.ts'
import { declare, refuseWeakenedStream } from './declare.ts'
import { BusError, BusErrorCode } from './errors.ts'
import { askJetStream, type Described } from './jetstream-api.ts'
import { provisionPolicies } from './policies/declaration.ts'
import {
  consumerDifferences,
  decisionsConsumer,
  decisionsStream,
  type StreamCapacity,
  streamDifferences,
} from './stream-declaration.ts'

/**
 * Declares the streams DECISIONS and DECIDED, the consumers and the stores of the policies: creates
 * what is missing, verifies what is there, changes nothing. Needs the role `provisioner`.
 * @throws {BusError} `stream_weakened`, `consumer_weakened`, `api_refused`, or as `ask`
 */
export async function provision(nc: NatsConnection, capacity: StreamCapacity): Promise<void> {
  const stream = await declare({
    ask: (question, body) => askJetStream(nc, question, body),
    missing: BusErrorCode.streamMissing,
    info: `STREAM.INFO.${DECISIONS.name}`,
    create: `STREAM.CREATE.${DECISIONS.name}`,
    body: decisionsStream(capacity),
  })
  refuseWeakenedStream(DECISIONS.name, streamDifferences(stream.config, capacity))
  for (const name of Object.values(CONSUMERS)) {
    const consumer = await declare({
      ask: (question, body) => askJetStream(nc, question, body),
      missing: BusErrorCode.consumerMissing,
      info: `CONSUMER.INFO.${DECISIONS.name}.${name}`,
      create: `CONSUMER.CREATE.${DECISIONS.name}.${name}`,
      body: { stream_name: DECISIONS.name, config: decisionsConsumer(name), action: 'create' },
    })
    refuseWeakenedConsumer(name, consumerDifferences(consumer.config, name))
  }
  await provisionDecided(nc, capacity)
  await provisionPolicies(nc, capacity)
}

/**
 * Verifies that the stream is what was declared, whoever set it up.
 * @throws {BusError} `stream_weakened`, `stream_missing`, or as `ask`
 */
export async function verifyStream(nc: NatsConnection): Promise<void> {
  await inspectStream(nc)
}

/** What a server tells of the stream beyond what is declared. */
export interface StreamFacts {
  /** When it was made: a stream that was deleted and made again is another one. */
  readonly created: string
  readonly replicas: number
  readonly bytes: number
  readonly bytesMax: number
}

/**
 * As `verifyStream`, and looks at it.
 * @throws {BusError} as `verifyStream`
 */
export async function inspectStream(nc: NatsConnection): Promise<StreamFacts> {
  const info = await askJetStream(nc, `STREAM.INFO.${DECISIONS.name}`)
  const { config, created, state } = info as StreamInfo
  refuseWeakenedStream(DECISIONS.name, streamDifferences(config))
  const [replicas, bytesMax] = [Number(config['num_replicas']), Number(config['max_bytes'])]
  return { created, replicas, bytesMax, bytes: state.bytes }
}

interface StreamInfo extends Described {
  readonly created: string
  readonly state: { readonly bytes: number }
}

function refuseWeakenedConsumer(name: ConsumerName, found: readonly string[]): void {
  if (found.length === 0) return
  throw new BusError(
    BusErrorCode.consumerWeakened,
    `consumer \`${name}\` of \`${DECISIONS.name}\` is not as declared: ${found.join('; ')}: ` +
      'find out who changed it, then set it back',
  )
}
