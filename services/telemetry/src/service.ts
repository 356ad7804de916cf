import { busHealth, consume, joinBus, onHeartbeat, startHeartbeats } from '@verdict/bus'
import { CONSUMERS, DECISIONS } from '@verdict/contract'
import {
  createHttp,
  type RunningService,
  type ServiceContext,
  type ServiceDefinition,
} from '@verdict/service'
import { settings, type TelemetryConfig } from './config.ts'
import { Intake } from './decisions/intake.ts'
import { createEvents } from './events.ts'
import { addInstanceMetrics } from './liveness/instance-metrics.ts'
import { Instances } from './liveness/instances.ts'
import { addListInstances } from './routes/list-instances.ts'

/** What the records mean: metrics of decisions, and which instances live. */
export const telemetry: ServiceDefinition<typeof settings> = {
  name: 'telemetry',
  summary: 'what the records mean: metrics of decisions, liveness of instances',
  settings,
  start,
}

/** Copies share the stream, so each counts a part of the decisions: sum over them. */
async function start(context: ServiceContext<TelemetryConfig>): Promise<RunningService> {
  const { config, fail, health, instance, log, metrics, stopping } = context
  const events = createEvents(log, metrics)
  const instances = new Instances()
  addInstanceMetrics(metrics, instances)

  // What is begun is let go in reverse: the last heartbeat, the reading, the bus, HTTP.
  await using resources = new AsyncDisposableStack()
  const http = createHttp({ log, metrics, health })
  resources.defer(() => http.close())
  addListInstances(http, instances)
  await http.listen({ host: config.host, port: config.httpPort })

  const { nc } = resources.use(
    await joinBus({
      url: config.natsUrl,
      keysDir: config.keysDir,
      role: 'telemetry',
      name: instance,
      signal: stopping,
      onLost: fail,
    }),
  )
  health.check('bus', busHealth(nc))

  const hearing = onHeartbeat(nc, (beat) => instances.hear(beat))
  resources.defer(() => hearing.stop())
  const ended = new AbortController()
  const intake = new Intake(events)
  const consumption = consume(nc, {
    stream: DECISIONS.name,
    durable: CONSUMERS.telemetry,
    handler: async (message) => intake.take(message),
    onError: (error) => events.consumeFailed(error),
    signal: ended.signal,
  })
  health.check('consumer', () => consumption.health())
  resources.defer(async () => {
    ended.abort()
    await consumption.done
  })
  events.followPending(() => consumption.pending())

  const heartbeats = startHeartbeats(nc, {
    service: 'telemetry',
    instance,
    ready: () => health.report().ok,
    facts: () => ({ instances: instances.list().length }),
  })
  resources.defer(() => heartbeats.stop())

  const held = resources.move()
  return { stop: () => held.disposeAsync() }
}
