import { join } from 'node:path'
import type { RunningService, ServiceContext, ServiceDefinition } from '@verdict/service'
import { AmbiguityRules } from './canonicalise/ambiguity.ts'
import { type AuthzConfig, settings } from './config.ts'
import { Decider } from './decide.ts'
import { ProtoDescriptor } from './envoy/proto-descriptor.ts'
import { AuthzEvents } from './events.ts'
import { Identifier } from './identify.ts'
import { Listeners } from './listen/listeners.ts'
import { checkQueryHandler } from './nats/check.ts'
import { BusServing } from './nats/serving.ts'
import { Policies } from './policies.ts'
import { RecordShipping } from './shipping.ts'

/** The decision point: decides requests, and answers only what is on record. */
export const authz: ServiceDefinition<typeof settings> = {
  name: 'authz',
  summary: 'decides requests by policy, and answers only what is on record',
  settings,
  start,
}

async function start(context: ServiceContext<AuthzConfig>): Promise<RunningService> {
  const { config, fail, health, log, metrics } = context
  const events = new AuthzEvents(log, metrics)
  // Let go in reverse: callers first, then policies and bus, the journal when nothing appends.
  await using resources = new AsyncDisposableStack()
  const shipping = resources.use(
    await RecordShipping.open({
      config,
      dir: join(config.dataDir, 'journal'),
      events,
      // A start may find the disk mended; to go on without it would fail every request.
      onFault: (failure) => fail(failure),
    }),
  )
  const { journal } = shipping
  health.check('journal', () => shipping.journalHealth())
  health.check('shipping', () => shipping.shippingHealth())
  const policies = resources.use(
    await Policies.open({
      opa: config.opa,
      sources: config.policies,
      entrypoint: config.entrypoint,
      cacheDir: join(config.dataDir, 'policies'),
      events,
    }),
  )
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
    dryRun: config.dryRun,
    ambiguities: new AmbiguityRules(config.ambiguities),
    events,
  })
  const bus = resources.use(
    new BusServing({
      config,
      events,
      instance: journal.instance,
      handler: checkQueryHandler(decider, events),
      ready: () => health.report().ok,
      facts: () => ({
        revision: policies.active?.revision ?? '',
        n: journal.lastDurable,
        shipped: shipping.shipped,
      }),
    }),
  )
  health.check('bus', () => bus.health())
  resources.use(await Listeners.open(context, decider, events))
  const held = resources.move()
  return { stop: () => held.disposeAsync() }
}
