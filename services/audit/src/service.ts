import { join } from 'node:path'
import {
  busHealth,
  consume,
  joinBus,
  type NatsConnection,
  publishCovered,
  publishDecided,
  startHeartbeats,
} from '@verdict/bus'
import { CONSUMERS, DECISIONS } from '@verdict/contract'
import type { RunningService, ServiceContext, ServiceDefinition } from '@verdict/service'
import { OPEN } from './authorization/authorizer.ts'
import { PolicyAuthorizer } from './authorization/policy-authorizer.ts'
import { CoveredNews } from './chain/covered-news.ts'
import { type AuditConfig, settings } from './config.ts'
import { isFatal } from './database.ts'
import { Erasures } from './erasure/erasure.ts'
import { createEvents } from './events.ts'
import { serveHttp } from './http.ts'
import { drain } from './ingest/drain.ts'
import { Intake } from './ingest/intake.ts'
import { PersonalReader } from './key-store/personal-reader.ts'
import { ServedKeys } from './key-store/served-keys.ts'
import { openLog } from './open-log.ts'
import { startRetention } from './retention/retention-job.ts'
import { startScrubber } from './scrub/start-scrubber.ts'
import { Feed } from './stream/feed.ts'
import { watchStream } from './stream-watch/watch-stream.ts'
import { startWebhooks } from './webhooks/start-webhooks.ts'
import { readWebhooks } from './webhooks/webhook-file.ts'

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
  const targets = config.webhooks === undefined ? [] : readWebhooks(config.webhooks)
  const keysDir = config.keyStore ?? join(config.dataDir, 'keys')
  const keys = resources.use(new ServedKeys(keysDir, context))
  const store = await openLog(context, events, new PersonalReader(keys.store))
  // Stopped while it stood by.
  if (store === undefined) return { stop: async () => {} }
  resources.use(store)
  // Before anything is added: what was damaged may be so still.
  resources.use(await startScrubber(context, store))
  const erasures = new Erasures(keys.store, store)
  const { retention: periodMs } = config
  if (periodMs !== undefined) {
    const { pruned: onPruned, pruneFailed } = events
    const onFailed = (error: unknown): void => (isFatal(error) ? fail : pruneFailed)(error)
    resources.use(startRetention({ retention: store.retention, periodMs, onPruned, onFailed }))
  }
  const feed = new Feed()
  resources.use(startWebhooks({ ...context, targets, store, feed }))
  let connection: NatsConnection | undefined
  const authorizer =
    config.authorization === 'off' ? OPEN : new PolicyAuthorizer({ connection: () => connection })
  resources.use(await serveHttp({ ...context, store, feed, events, authorizer, erasures }))

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
  connection = nc
  const bus = busHealth(nc)
  health.check('bus', bus)
  const stream = resources.use(await watchStream({ ...context, nc, store }))
  health.check('stream', () => stream.health())
  const heartbeats = startHeartbeats(nc, {
    service: 'audit',
    instance,
    ready: () => health.report().ok,
    facts: () => ({ lastIndex: store.lastIndex }),
  })
  resources.defer(() => heartbeats.stop())
  resources.use(
    new CoveredNews({
      coverage: store.coverage,
      shown: () => store.shown,
      tell: (covered) => publishCovered(nc, covered),
    }),
  )

  const ended = new AbortController()
  const intake = new Intake({
    ...{ store, feed, events, fail },
    connected: () => bus().ok,
    tell: (line) => {
      const { index: leaf, origin } = store.placeOf(line.leaf)
      publishDecided(nc, { ...line, leaf, origin })
    },
  })
  health.check('store', () => intake.health())
  const consumption = consume(nc, {
    stream: DECISIONS.name,
    durable: CONSUMERS.audit,
    handler: async (message) => {
      keys.take(message)
      intake.take(message)
    },
    groupHandler: async (messages) => {
      for (const message of messages) keys.take(message)
      intake.takeAll(messages)
    },
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
