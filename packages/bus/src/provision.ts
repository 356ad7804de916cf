import { setTimeout as delay } from 'node:timers/promises'
import { CONSUMERS, type ConsumerName, DECISIONS } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { BusError, BusErrorCode } from './errors.ts'
import { askJetStream, type Described, JETSTREAM_ERROR } from './jetstream-api.ts'
import {
  consumerDifferences,
  decisionsConsumer,
  decisionsStream,
  type StreamCapacity,
  streamDifferences,
} from './stream-declaration.ts'

/** A cluster that starts has no leader for a while: what it cannot do yet is tried again. */
const PROVISION_TIMEOUT_MS = 60_000
const PROVISION_PAUSE_MS = 500

/**
 * Declares the stream DECISIONS and its consumers: creates what is missing, verifies what is
 * there, changes nothing. Needs the role `provisioner`.
 * @throws {BusError} `stream_weakened`, `consumer_weakened`, `api_refused`, or as `ask`
 */
export async function provision(nc: NatsConnection, capacity: StreamCapacity): Promise<void> {
  const stream = await declare({
    nc,
    missing: BusErrorCode.streamMissing,
    info: `STREAM.INFO.${DECISIONS.name}`,
    create: `STREAM.CREATE.${DECISIONS.name}`,
    body: decisionsStream(capacity),
  })
  refuseWeakenedStream(streamDifferences(stream.config, capacity))
  for (const name of Object.values(CONSUMERS)) {
    const consumer = await declare({
      nc,
      missing: BusErrorCode.consumerMissing,
      info: `CONSUMER.INFO.${DECISIONS.name}.${name}`,
      create: `CONSUMER.CREATE.${DECISIONS.name}.${name}`,
      body: { stream_name: DECISIONS.name, config: decisionsConsumer(name), action: 'create' },
    })
    refuseWeakenedConsumer(name, consumerDifferences(consumer.config, name))
  }
}

/**
 * Verifies that the stream is what was declared, whoever set it up.
 * @throws {BusError} `stream_weakened`, `stream_missing`, or as `ask`
 */
export async function verifyStream(nc: NatsConnection): Promise<void> {
  const stream = await askJetStream(nc, `STREAM.INFO.${DECISIONS.name}`)
  refuseWeakenedStream(streamDifferences(stream.config))
}

interface Declaration {
  readonly nc: NatsConnection
  readonly missing: BusErrorCode
  readonly info: string
  readonly create: string
  readonly body: object
}

/** What is there after it was made, where it was missing. */
async function declare({ nc, missing, info, create, body }: Declaration): Promise<Described> {
  const deadline = performance.now() + PROVISION_TIMEOUT_MS
  for (;;) {
    try {
      return await askJetStream(nc, info)
    } catch (error) {
      if (!(error instanceof BusError)) throw error
      if (error.code === missing) await createOnce(nc, create, body)
      else if (!isPassing(error) || performance.now() > deadline) throw error
      else await delay(PROVISION_PAUSE_MS)
    }
  }
}

async function createOnce(nc: NatsConnection, question: string, body: object): Promise<void> {
  try {
    await askJetStream(nc, question, body)
  } catch (error) {
    if (!(error instanceof BusError && isPassing(error))) throw error
    // Whether it was made is seen by looking again.
    await delay(PROVISION_PAUSE_MS)
  }
}

const PASSING: readonly BusErrorCode[] = [
  BusErrorCode.noResponders,
  BusErrorCode.timeout,
  BusErrorCode.disconnected,
]

function isPassing(error: BusError): boolean {
  return PASSING.includes(error.code) || error.errCode === JETSTREAM_ERROR.temporarilyUnavailable
}

function refuseWeakenedStream(found: readonly string[]): void {
  if (found.length === 0) return
  throw new BusError(
    BusErrorCode.streamWeakened,
    `stream \`${DECISIONS.name}\` is not as declared: ${found.join('; ')}: ` +
      'find out who changed it, then set it back or move its data away',
  )
}

function refuseWeakenedConsumer(name: ConsumerName, found: readonly string[]): void {
  if (found.length === 0) return
  throw new BusError(
    BusErrorCode.consumerWeakened,
    `consumer \`${name}\` of \`${DECISIONS.name}\` is not as declared: ${found.join('; ')}: ` +
      'find out who changed it, then set it back',
  )
}
