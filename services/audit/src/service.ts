import { setTimeout as delay } from 'node:timers/promises'
import {
  busHealth,
  type Consumption,
  consume,
  joinBus,
  publishDecided,
  startHeartbeats,
} from '@verdict/bus'
import { CONSUMERS, DECISIONS } from '@verdict/contract'
import type { RunningService, ServiceContext, ServiceDefinition } from '@verdict/service'
import { type AuditConfig, settings } from './config.ts'
import { createEvents } from './events.ts'
import { serveHttp } from './http.ts'
import { Intake } from './ingest/intake.ts'
import { Store } from './store.ts'
import { Feed } from './stream/feed.ts'

/** A stop waits this long for what the stream still holds; the next start reads the rest. */
const DRAIN_MS_MAX = 2_000
/** The stream counts as read when nothing has come for this long. */
const DRAIN_QUIET_MS = 150
const DRAIN_POLL_MS = 20

/** The record of decisions: stores what the journals say, each record once, for all to read. */
export const audit: ServiceDefinition<typeof settings> = {
  name: 'audit',
  summary: 'the record of decisions: log, search, subscribers',
  settings,
  start,
}

async function start(context: ServiceContext<AuditConfig>): Promise<RunningService> {
  const { config, fail, health, instance, log, metrics, stopping } = context
  const events = createEvents(log, metrics)

  // What is begun is let go in reverse: the reading, the last heartbeat, the bus, HTTP, the store.
  await using resources = new AsyncDisposableStack()
  const { dataDir: dir, lockFile, origin } = config
  const watch = { ...events, failed: fail }
  const store = resources.use(await Store.open({ dir, lockFile, origin, watch }))
  const feed = new Feed()
  resources.use(await serveHttp({ ...context, store, feed, events }))

  const { nc } = resources.use(
    await joinBus({
      url: config.natsUrl,
      keysDir: config.keysDir,
      role: 'audit',
      name: instance,
      signal: stopping,
      onLost: fail,
    }),
  )
  const bus = busHealth(nc)
  health.check('bus', bus)
  const heartbeats = startHeartbeats(nc, {
    service: 'audit',
    instance,
    ready: () => health.report().ok,
    facts: () => ({ lastIndex: store.lastIndex }),
  })
  resources.defer(() => heartbeats.stop())

  const ended = new AbortController()
  const intake = new Intake({
    ...{ store, feed, events, fail },
    connected: () => bus().ok,
    tell: (decision) => publishDecided(nc, decision),
  })
  health.check('store', () => intake.health())
  const consumption = consume(nc, {
    stream: DECISIONS.name,
    durable: CONSUMERS.audit,
    handler: async (message) => intake.take(message),
    onError: (error) => events.consumeFailed(error),
    signal: ended.signal,
  })
  health.check('consumer', () => consumption.health())
  resources.defer(async () => {
    await drain(consumption, intake)
    ended.abort()
    await consumption.done
  })
  events.follow(store, { streams: () => feed.open, pending: () => consumption.pending() })

  const held = resources.move()
  return { stop: () => held.disposeAsync() }
}

/** Waits until the stream has nothing more for us, or DRAIN_MS_MAX. */
async function drain(consumption: Consumption, intake: Intake): Promise<void> {
  const startedAt = performance.now()
  let quietFrom = startedAt
  let { taken } = intake
  for (let now = startedAt; now - startedAt < DRAIN_MS_MAX; now = performance.now()) {
    if (!consumption.health().ok) return
    if (intake.taken !== taken) quietFrom = now
    taken = intake.taken
    // What is pending is as of the last message: newer ones may be on their way.
    if (consumption.pending() === 0 && now - quietFrom > DRAIN_QUIET_MS) return
    await delay(DRAIN_POLL_MS)
  }
}
