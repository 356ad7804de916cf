import { join } from 'node:path'
import {
  ConfigError,
  type RunningService,
  type ServiceContext,
  type ServiceDefinition,
} from '@verdict/service'
import { BundlePolicies } from './bundles/bundle-policies.ts'
import { readBundlesFile } from './bundles/bundles-file.ts'
import { AmbiguityRules } from './canonicalise/ambiguity.ts'
import { type AuthzConfig, JOURNAL_BYTES_MIN, settings } from './config.ts'
import { Decider } from './decide.ts'
import { ProtoDescriptor } from './envoy/proto-descriptor.ts'
import { fetcherFor } from './evaluate-fetching.ts'
import { BundleEvents } from './events/bundle-events.ts'
import { AuthzEvents } from './events.ts'
import { Identifier } from './identify.ts'
import type { Activated } from './journal-events.ts'
import { journalDir, LeftJournals, leftJournalDirs } from './left-journals.ts'
import { Listeners } from './listen/listeners.ts'
import { prepareSockets } from './listen/prepare-sockets.ts'
import { checkQueryHandler } from './nats/check.ts'
import { BusServing } from './nats/serving.ts'
import { PersonalKeysFile } from './personal/personal-keys-file.ts'
import { Policies } from './policies.ts'
import { RecordShipping } from './shipping.ts'

/** The decision point: decides requests, and answers only what is on record. */
export const authz: ServiceDefinition<typeof settings> = {
  name: 'authz',
  summary: 'decides requests by policy, and answers only what is on record',
  settings,
  processes: ({ processes }) => processes,
  prepare,
  start,
}

/** What the processes share is made ready, and what they share out is enough for all. */
async function prepare(config: AuthzConfig): Promise<void> {
  if (journalShare(config) < JOURNAL_BYTES_MIN) {
    const { env } = settings.journalBytesMax
    const least = JOURNAL_BYTES_MIN * config.processes
    const message = `${env} is too little for ${config.processes} processes: give it ${least} bytes`
    throw new ConfigError([{ env, message }])
  }
  if (config.bundles !== undefined) readBundlesFile(config.bundles, settings.bundles.env)
  if (config.personalKeys !== undefined) new PersonalKeysFile(config.personalKeys, () => undefined)
  await prepareSockets(config)
}

/** A disk has one size, however many processes write to it. */
function journalShare({ journalBytesMax, processes }: AuthzConfig): number {
  return Math.floor(journalBytesMax / processes)
}

async function start(context: ServiceContext<AuthzConfig>): Promise<RunningService> {
  const { config, fail, health, log, metrics, worker } = context
  const events = new AuthzEvents(log, metrics, config)
  // Let go in reverse: callers first, then policies and bus, the journal when nothing appends.
  await using resources = new AsyncDisposableStack()
  const shipping = resources.use(
    await RecordShipping.open({
      config,
      dir: journalDir(config.dataDir, worker.index),
      bytesMax: journalShare(config),
      events,
      // A start may find the disk mended; to go on without it would fail every request.
      onFault: (failure) => fail(failure),
    }),
  )
  const { journal } = shipping
  health.check('journal', () => shipping.journalHealth())
  health.check('shipping', () => shipping.shippingHealth())
  const left = worker.index === 1 ? await leftJournalDirs(config.dataDir, worker.count) : []
  const leftJournals =
    left.length > 0 ? resources.use(new LeftJournals({ dirs: left, shipping, events })) : undefined
  if (leftJournals) health.check('left_journals', () => leftJournals.health())
  const activated: Activated = (activation) => shipping.journalEvents.activated(activation)
  const bundles = await openBundles(context, events, activated)
  const policies = resources.use(bundles ?? (await openFolder(config, events, activated)))
  health.check('policy', () => policies.health())

  const grpcMessages =
    config.protoDescriptor === undefined
      ? undefined
      : await ProtoDescriptor.open(config.protoDescriptor)
  const decider: Decider = new Decider({
    grpcMessages,
    identifier: new Identifier({
      ask: (payload) => bus.identify(payload),
      entriesMax: config.identitiesMax,
      events,
    }),
    policy: () => policies.active,
    journal,
    requestsMax: config.requestsMax,
    decisionTimeoutMs: config.decisionTimeoutMs,
    skipBodyParse: config.skipBodyParse,
    dryRun: config.dryRun,
    recordClass: config.recordClass,
    stored: (n, timeoutMs) => shipping.stored(n, timeoutMs),
    journalEvents: shipping.journalEvents,
    onRecorded: (recordClass) => events.recorded(recordClass),
    recordInput: config.recordInput === 'on',
    personal: shipping.personalRecords,
    ambiguities: new AmbiguityRules(config.ambiguities),
    events,
  })
  const bus = resources.use(
    new BusServing({
      config,
      events,
      instance: journal.instance,
      handler: checkQueryHandler(decider, events),
      onCovered: (covered) => {
        shipping.covered(covered)
        leftJournals?.covered(covered)
      },
      ready: () => health.report().ok,
      facts: () => ({
        revision: policies.active?.revision ?? '',
        ...bundles?.facts(),
        n: journal.lastDurable,
        shipped: shipping.shipped,
      }),
      follow: bundles && ((connection, signal) => bundles.follow(connection, signal)),
    }),
  )
  health.check('bus', () => bus.health())
  resources.use(await Listeners.open(context, decider, events))
  const held = resources.move()
  return { stop: () => held.disposeAsync() }
}

/** Undefined where a folder of policies decides. */
async function openBundles(
  { config, log, metrics }: ServiceContext<AuthzConfig>,
  events: AuthzEvents,
  activated: Activated,
): Promise<BundlePolicies | undefined> {
  if (config.bundles === undefined) return undefined
  return await BundlePolicies.open({
    file: readBundlesFile(config.bundles, settings.bundles.env),
    entrypoint: config.entrypoint,
    entrypoints: config.entrypoints,
    routes: config.routes,
    opa: config.opa,
    dataDir: config.dataDir,
    memoBytesMax: config.memoBytesMax,
    fetcher: fetcherFor(config.fetchHosts, events),
    events: new BundleEvents(log, metrics, activated),
    routesEvents: events,
  })
}

async function openFolder(
  config: AuthzConfig,
  events: AuthzEvents,
  activated: Activated,
): Promise<Policies> {
  return await Policies.open({
    opa: config.opa,
    sources: config.policies,
    entrypoint: config.entrypoint,
    entrypoints: config.entrypoints,
    routes: config.routes,
    cacheDir: join(config.dataDir, 'policies'),
    memoBytesMax: config.memoBytesMax,
    fetcher: fetcherFor(config.fetchHosts, events),
    activated,
    events,
  })
}
