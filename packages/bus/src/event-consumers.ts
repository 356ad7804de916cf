import type { ConsumerConfig } from '@nats-io/jetstream'
import {
  DECIDED,
  EVENT_ACK_WAIT_MS,
  EVENT_PULLS_MAX,
  EVENTS_IN_HAND_MAX,
  type Outcome,
  token,
  wildcards,
} from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { declare } from './declare.ts'
import { BusError, BusErrorCode } from './errors.ts'
import { askEvents } from './jetstream-api.ts'
import { differences, NS_PER_MS, type Settings } from './stream-declaration.ts'
import type { Subscriber } from './subscriber-keys.ts'

/** Which decisions a subscriber is told of; what is left out is not asked for. */
export interface EventFilter {
  readonly outcomes: readonly Outcome[]
  readonly services: readonly string[]
  readonly namespaces: readonly string[]
}

/** Filters of one consumer: the server compares each event with all. More is refused. */
export const EVENT_FILTERS_MAX = 64

/**
 * The subjects of a filter: every combination of what it names.
 * @throws {BusError} `subscriber_refused` where there are too many
 */
export function filterSubjects({ outcomes, services, namespaces }: EventFilter): string[] {
  const any = (texts: readonly string[]) => (texts.length === 0 ? ['*'] : texts.map(token))
  if (outcomes.length + services.length + namespaces.length === 0) return []
  const [prefix] = wildcards.decided.split('.*')
  const subjects = any([...new Set(outcomes)]).flatMap((outcome) =>
    any([...new Set(namespaces)]).flatMap((namespace) =>
      any([...new Set(services)]).map((to) => `${prefix}.${outcome}.${namespace}.${to}`),
    ),
  )
  if (subjects.length <= EVENT_FILTERS_MAX) return subjects
  const why = `${subjects.length} combinations of filters are more than ${EVENT_FILTERS_MAX}`
  throw new BusError(BusErrorCode.subscriberRefused, `${why}: add several subscribers`)
}

/** What is told of a consumer by the server. */
export interface EventConsumer {
  /** Events that it was not given yet. */
  readonly waiting: number
  /** Events that it was given and has not acknowledged. */
  readonly inHand: number
}

/** The durable consumer of a subscriber as it is created. */
function consumerOf({ name, filters }: Subscriber, fromStart: boolean): Settings {
  return {
    name,
    durable_name: name,
    ack_policy: 'explicit',
    ack_wait: EVENT_ACK_WAIT_MS * NS_PER_MS,
    max_ack_pending: EVENTS_IN_HAND_MAX,
    max_batch: EVENTS_IN_HAND_MAX,
    max_deliver: -1,
    max_waiting: EVENT_PULLS_MAX,
    deliver_policy: fromStart ? 'all' : 'new',
    replay_policy: 'instant',
    ...(filters.length > 0 ? { filter_subjects: filters } : {}),
  } satisfies Partial<Record<keyof ConsumerConfig, unknown>>
}

/**
 * Declares the durable consumer of a subscriber. Needs the role `provisioner`.
 * @param fromStart whether it begins with what DECIDED still holds, or with the next event
 * @throws {BusError} `consumer_weakened` where it is there and not as declared; or as `ask`
 */
export async function declareEventConsumer(
  nc: NatsConnection,
  subscriber: Subscriber,
  { fromStart }: { fromStart: boolean },
): Promise<void> {
  const { name } = subscriber
  const { deliver_policy: begin, ...declared } = consumerOf(subscriber, fromStart)
  const { config } = await declare({
    ask: (question, body) => askEvents(nc, question, body),
    missing: BusErrorCode.consumerMissing,
    info: `CONSUMER.INFO.${DECIDED.name}.${name}`,
    create: `CONSUMER.CREATE.${DECIDED.name}.${name}`,
    body: {
      stream_name: DECIDED.name,
      config: { ...declared, deliver_policy: begin },
      action: 'create',
    },
  })
  const found = differences(config, declared)
  if (subscriber.filters.length === 0 && config['filter_subjects']) found.push('it has filters')
  if (found.length === 0) return
  throw new BusError(
    BusErrorCode.consumerWeakened,
    `consumer \`${name}\` of \`${DECIDED.name}\` is not as declared: ${found.join('; ')}: ` +
      'remove the subscriber, then add it again',
  )
}

/** Undefined where there is none. Needs the role `provisioner`. */
export async function describeEventConsumer(
  nc: NatsConnection,
  name: string,
): Promise<EventConsumer | undefined> {
  const question = `CONSUMER.INFO.${DECIDED.name}.${name}`
  const info = await unlessMissing(askEvents<Numbers>(nc, question))
  return info && { waiting: info.num_pending, inHand: info.num_ack_pending }
}

/** Removes the durable consumer of a subscriber, if it is there. */
export async function removeEventConsumer(nc: NatsConnection, name: string): Promise<void> {
  await unlessMissing(askEvents(nc, `CONSUMER.DELETE.${DECIDED.name}.${name}`))
}

interface Numbers {
  readonly num_pending: number
  readonly num_ack_pending: number
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof BusError && error.code === BusErrorCode.consumerMissing) return undefined
    throw error
  }
}
